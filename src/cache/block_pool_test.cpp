#include "cache/block_pool.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "cache/block_table.h"

namespace atelier::cache {
namespace {

TEST(BlockPool, HandsOutEveryBlockOnce) {
  BlockPool pool(5);
  std::vector<BlockId> taken;
  ASSERT_TRUE(pool.try_reserve(2, taken));
  ASSERT_TRUE(pool.try_reserve(3, taken));
  EXPECT_EQ(std::set<BlockId>(taken.begin(), taken.end()), (std::set<BlockId>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pool.free(), 0);
}

TEST(BlockPool, ReservesAllOrNothing) {
  BlockPool pool(4);
  std::vector<BlockId> first, second;
  ASSERT_TRUE(pool.try_reserve(3, first));
  EXPECT_FALSE(pool.try_reserve(2, second));
  EXPECT_TRUE(second.empty());
  EXPECT_EQ(pool.used(), 3);
  EXPECT_TRUE(pool.try_reserve(1, second));
}

TEST(BlockPool, KeepsABlockUntilItsLastHolderLetsGo) {
  BlockPool pool(1);
  std::vector<BlockId> taken;
  ASSERT_TRUE(pool.try_reserve(1, taken));
  pool.retain(taken[0]);
  pool.release(taken);
  EXPECT_EQ(pool.used(), 1);
  pool.release(taken);
  EXPECT_EQ(pool.used(), 0);
}

TEST(BlockPool, TakesTheWarmestBlocksFirst) {
  BlockPool pool(100);
  std::vector<BlockId> first, second;
  ASSERT_TRUE(pool.try_reserve(10, first));
  pool.release(first);
  ASSERT_TRUE(pool.try_reserve(10, second));
  EXPECT_EQ(first, second);
}

BlockKey key(std::uint8_t name) {
  return {name};
}

// `count` blocks taken, published as name, name + 1 …, and let go.
std::vector<BlockId> keep(BlockPool& pool, int count, std::uint8_t name) {
  std::vector<BlockId> blocks;
  EXPECT_TRUE(pool.try_reserve(count, blocks));
  for (int i = 0; i < count; ++i) pool.publish(blocks[i], key(static_cast<std::uint8_t>(name + i)));
  pool.release(blocks);
  return blocks;
}

TEST(BlockPool, KeepsWhatWasPublishedUntilItIsNeeded) {
  BlockPool pool(3);
  const auto kept = keep(pool, 2, 1);
  EXPECT_EQ(pool.free(), 3);
  EXPECT_EQ(pool.kept(), 2);
  EXPECT_EQ(pool.find(key(1)), kept[0]);
  std::vector<BlockId> taken;
  ASSERT_TRUE(pool.try_reserve(1, taken));  // the empty one
  EXPECT_EQ(pool.find(key(2)), kept[1]);
  ASSERT_TRUE(pool.try_reserve(1, taken));
  EXPECT_EQ(taken[1], kept[1]);  // the end of a sequence goes before its beginning
  EXPECT_FALSE(pool.find(key(2)));
  EXPECT_EQ(pool.find(key(1)), kept[0]);
}

TEST(BlockPool, AKeptBlockCanBeTakenAgainAndIsNewThen) {
  BlockPool pool(2);
  const auto first = keep(pool, 1, 1), second = keep(pool, 1, 2);
  pool.retain(first[0]);
  EXPECT_EQ(pool.used(), 1);
  pool.release(first);
  std::vector<BlockId> taken;
  ASSERT_TRUE(pool.try_reserve(1, taken));
  EXPECT_EQ(taken[0], second[0]);
  EXPECT_EQ(pool.find(key(1)), first[0]);
}

TEST(BlockPool, OneBlockForAKey) {
  BlockPool pool(3);
  std::vector<BlockId> taken;
  ASSERT_TRUE(pool.try_reserve(2, taken));
  pool.publish(taken[0], key(1));
  pool.publish(taken[1], key(1));
  EXPECT_EQ(pool.find(key(1)), taken[0]);
  pool.release(taken);
  EXPECT_EQ(pool.kept(), 1);
  pool.forget();
  EXPECT_EQ(pool.kept(), 0);
  EXPECT_FALSE(pool.find(key(1)));
  EXPECT_EQ(pool.free(), 3);
}

TEST(BlockPoolDeathTest, AbortsOnOurOwnMistakes) {
  BlockPool pool(2);
  std::vector<BlockId> taken;
  ASSERT_TRUE(pool.try_reserve(1, taken));
  pool.release(taken);
  EXPECT_DEATH(pool.release(taken), "check failed");
  EXPECT_DEATH(pool.retain(1), "check failed");
  EXPECT_DEATH(pool.holders(2), "check failed");
}

TEST(BlockTable, GivesItsBlocksBack) {
  BlockPool pool(8);
  {
    BlockTable table(pool);
    ASSERT_TRUE(table.try_grow_to(3));
    ASSERT_TRUE(table.try_grow_to(2));  // already longer
    EXPECT_EQ(table.blocks().size(), 3u);
    EXPECT_FALSE(table.try_grow_to(9));
    EXPECT_EQ(table.blocks().size(), 3u);
    BlockTable moved = std::move(table);
    EXPECT_EQ(moved.blocks().size(), 3u);
    EXPECT_EQ(pool.used(), 3);
  }
  EXPECT_EQ(pool.used(), 0);
}

TEST(BlockTable, NeverSharesABlockByAccident) {
  BlockPool pool(64);
  std::vector<BlockTable> tables;
  std::mt19937 random(7);
  for (int step = 0; step < 2000; ++step) {
    if (random() % 2 == 0) {
      BlockTable table(pool);
      if (table.try_grow_to(random() % 9)) tables.push_back(std::move(table));
    } else if (!tables.empty()) {
      std::swap(tables[random() % tables.size()], tables.back());
      tables.pop_back();
    }
    std::set<BlockId> seen;
    std::size_t held = 0;
    for (const BlockTable& table : tables) {
      seen.insert(table.blocks().begin(), table.blocks().end());
      held += table.blocks().size();
    }
    ASSERT_EQ(seen.size(), held);
    ASSERT_EQ(pool.used(), static_cast<std::int64_t>(held));
  }
}

}  // namespace
}  // namespace atelier::cache
