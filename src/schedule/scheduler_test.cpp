#include "schedule/scheduler.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace atelier::schedule {
namespace {

constexpr SchedulerConfig kConfig = {.max_sequences = 4, .block_tokens = 4};
constexpr PromptRoom kRoom = {.work = 10, .most = 10};

SequenceSpec spec(std::uint64_t id, std::int64_t prompt, std::int64_t output) {
  return {.id = SequenceId{id}, .prompt_tokens = prompt, .max_tokens = output};
}

// The keys of a prompt of `tokens` tokens, each of them `token`.
cache::PrefixKeys keys(std::int64_t tokens, std::int32_t token = 7, std::string_view salt = "") {
  cache::PrefixKeys keys(salt, kConfig.block_tokens);
  keys.extend(std::vector<std::int32_t>(static_cast<std::size_t>(tokens), token), false);
  return keys;
}

// "id:position+tokens!" per slice; ! where the slice completes.
std::string words(const BatchPlan& plan) {
  std::string out;
  for (const Slice& slice : plan.slices) {
    out += fmt::format("{}{}:{}+{}{}", out.empty() ? "" : " ", static_cast<std::uint64_t>(slice.id),
                       slice.position, slice.tokens, slice.completes ? "!" : "");
  }
  return out;
}

// Carries the plan out as the engine would: one more token of each sequence that completed.
std::string run(Scheduler& scheduler, const PromptRoom& room = kRoom) {
  const BatchPlan plan = scheduler.next_batch(room);
  for (const Slice& slice : plan.slices) {
    scheduler.commit(slice);
    if (slice.completes) scheduler.append(slice.id, 7);
  }
  return words(plan);
}

TEST(Scheduler, PromptFirstThenTokenByToken) {
  cache::BlockPool pool(8);
  Scheduler scheduler(kConfig, pool);
  EXPECT_TRUE(scheduler.next_batch(kRoom).empty());
  scheduler.add(spec(1, 5, 3), {});
  EXPECT_EQ(run(scheduler), "1:0+5!");
  EXPECT_EQ(run(scheduler), "1:5+1!");
  EXPECT_EQ(pool.used(), 2);
  scheduler.remove(SequenceId{1});
  EXPECT_EQ(pool.used(), 0);
  EXPECT_TRUE(scheduler.next_batch(kRoom).empty());
}

TEST(Scheduler, LongPromptsEnterInPartsWhileOthersGenerate) {
  cache::BlockPool pool(32);
  Scheduler scheduler(kConfig, pool);
  scheduler.add(spec(1, 2, 20), {});
  EXPECT_EQ(run(scheduler), "1:0+2!");
  scheduler.add(spec(2, 25, 5), {});
  EXPECT_EQ(run(scheduler), "1:2+1! 2:0+8");  // to a block's edge
  scheduler.add(spec(3, 3, 5), {});
  scheduler.add(spec(4, 40, 5), {});
  EXPECT_EQ(run(scheduler), "1:3+1! 2:8+4 3:0+3! 4:0+2");
  EXPECT_EQ(run(scheduler), "1:4+1! 2:12+4 3:3+1! 4:2+2");
  EXPECT_EQ(run(scheduler), "1:5+1! 2:16+4 3:4+1! 4:4+4");
  EXPECT_EQ(run(scheduler), "1:6+1! 2:20+5! 3:5+1! 4:8+4");
  EXPECT_EQ(run(scheduler), "1:7+1! 2:25+1! 3:6+1! 4:12+8");
}

TEST(Scheduler, TheOldestPromptDoesNotStarve) {
  cache::BlockPool pool(1000);
  Scheduler scheduler({.max_sequences = 100, .block_tokens = 4}, pool);
  scheduler.add(spec(1, 40, 1), {});
  std::uint64_t next = 2;
  for (int step = 0; step < 9; ++step) {
    scheduler.add(spec(next++, 5, 10), {});
    run(scheduler);
  }
  scheduler.add(spec(next++, 5, 10), {});
  EXPECT_EQ(run(scheduler).substr(0, 7), "1:36+4!");
}

TEST(Scheduler, AdmitsInLineAsFarAsBlocksGo) {
  cache::BlockPool pool(8);  // 32 tokens
  Scheduler scheduler(kConfig, pool);
  scheduler.add(spec(1, 10, 12), {});
  scheduler.add(spec(2, 20, 10), {});  // 5 blocks of 5, and one has to stay for 1
  scheduler.add(spec(3, 1, 1), {});    // would fit, but waits its turn
  EXPECT_EQ(run(scheduler), "1:0+10!");
  EXPECT_EQ(scheduler.waiting(), 2);
  EXPECT_EQ(pool.used(), 3);
  scheduler.remove(SequenceId{1});
  EXPECT_EQ(run(scheduler), "2:0+8 3:0+1!");
}

TEST(Scheduler, TheLastInLineMakesRoomAndComesBack) {
  cache::BlockPool pool(4);
  Scheduler scheduler(kConfig, pool);
  scheduler.add(spec(1, 4, 12), {});
  EXPECT_EQ(run(scheduler), "1:0+4!");
  scheduler.add(spec(2, 3, 7), keys(3));
  EXPECT_EQ(run(scheduler), "1:4+1! 2:0+3!");
  EXPECT_EQ(run(scheduler), "1:5+1! 2:3+1!");
  EXPECT_EQ(run(scheduler), "1:6+1! 2:4+1!");
  EXPECT_EQ(run(scheduler), "1:7+1! 2:5+1!");  // both hold two blocks
  EXPECT_EQ(run(scheduler), "1:8+1!");         // 1 needs a third
  EXPECT_EQ(scheduler.counts().preemptions, 1);
  EXPECT_EQ(scheduler.sequence(SequenceId{2}).preemptions, 1);
  EXPECT_EQ(scheduler.sequence(SequenceId{2}).length, 7);
  EXPECT_EQ(run(scheduler), "1:9+1!");
  scheduler.remove(SequenceId{1});
  EXPECT_EQ(run(scheduler), "2:4+3!");  // its first block was kept
  EXPECT_EQ(scheduler.counts().recomputed, 3);
  EXPECT_EQ(run(scheduler), "2:7+1!");
  scheduler.remove(SequenceId{2});
  EXPECT_EQ(pool.used(), 0);
}

TEST(Scheduler, FindsWhatOthersHaveComputed) {
  cache::BlockPool pool(32);
  Scheduler scheduler(kConfig, pool);
  scheduler.add(spec(1, 10, 4), keys(10));
  EXPECT_EQ(run(scheduler), "1:0+10!");
  scheduler.remove(SequenceId{1});
  scheduler.add(spec(2, 8, 4), keys(8));              // its last token is computed all the same
  scheduler.add(spec(3, 10, 4), keys(10, 7, "own"));  // another's salt
  SequenceSpec whole = spec(4, 5, 4);
  whole.reads_cache = false;
  scheduler.add(whole, keys(5));
  EXPECT_EQ(run(scheduler, {.work = 50, .most = 50}), "2:4+4! 3:0+10! 4:0+5!");
  EXPECT_EQ(scheduler.sequence(SequenceId{2}).cached, 4);
  EXPECT_EQ(scheduler.counts().prefix_queries, 10 + 8 + 10);
  EXPECT_EQ(scheduler.counts().prefix_hits, 4);
}

TEST(Scheduler, OfPromptsThatBeginAlikeOneGoesAhead) {
  cache::BlockPool pool(64);
  Scheduler scheduler(kConfig, pool);
  for (std::uint64_t id = 1; id <= 3; ++id) scheduler.add(spec(id, 22, 4), keys(22));
  scheduler.add(spec(4, 9, 4), keys(9, 5));
  EXPECT_EQ(run(scheduler), "1:0+4 4:0+4");
  EXPECT_EQ(run(scheduler), "1:4+4 4:4+5!");
  EXPECT_EQ(run(scheduler), "1:8+8 4:9+1!");
  EXPECT_EQ(run(scheduler), "1:16+6! 4:10+1!");
  EXPECT_EQ(run(scheduler), "1:22+1! 2:20+2! 3:20+2! 4:11+1!");
  EXPECT_EQ(scheduler.sequence(SequenceId{3}).cached, 20);
  EXPECT_EQ(pool.used(), 6 + 1 + 1 + 3);
}

TEST(Scheduler, WhoWaitsForABlockGoesOnWhenItsMakerLeaves) {
  cache::BlockPool pool(64);
  Scheduler scheduler(kConfig, pool);
  scheduler.add(spec(1, 30, 4), keys(30));
  scheduler.add(spec(2, 30, 4), keys(30));
  EXPECT_EQ(run(scheduler), "1:0+8");
  scheduler.remove(SequenceId{1});
  EXPECT_EQ(run(scheduler), "2:8+8");
}

TEST(Scheduler, GoesByPriorityWhereItIsTold) {
  cache::BlockPool pool(100);
  Scheduler scheduler({.max_sequences = 2, .block_tokens = 4, .by_priority = true}, pool);
  const std::int32_t priorities[] = {0, 5, -1, 5};
  for (std::uint64_t id = 1; id <= 4; ++id) {
    SequenceSpec one = spec(id, 1, 4);
    one.priority = priorities[id - 1];
    scheduler.add(one, {});
  }
  EXPECT_EQ(run(scheduler), "3:0+1! 1:0+1!");
  scheduler.remove(SequenceId{3});
  EXPECT_EQ(run(scheduler), "1:1+1! 2:0+1!");
}

TEST(Scheduler, KnowsWhatCanNeverFit) {
  cache::BlockPool pool(4);
  Scheduler scheduler(kConfig, pool);
  EXPECT_TRUE(scheduler.can_ever_fit(1, 15));
  EXPECT_FALSE(scheduler.can_ever_fit(2, 15));
}

TEST(Scheduler, BoundsHowManyRun) {
  cache::BlockPool pool(100);
  Scheduler scheduler(kConfig, pool);
  for (std::uint64_t id = 1; id <= 6; ++id) scheduler.add(spec(id, 1, 4), {});
  EXPECT_EQ(run(scheduler), "1:0+1! 2:0+1! 3:0+1! 4:0+1!");
  scheduler.remove(SequenceId{2});
  scheduler.remove(SequenceId{5});  // while it waits
  EXPECT_EQ(run(scheduler), "1:1+1! 3:1+1! 4:1+1! 6:0+1!");
}

TEST(Scheduler, BlockTablesCoverEveryToken) {
  cache::BlockPool pool(100);
  Scheduler scheduler(kConfig, pool);
  scheduler.add(spec(1, 7, 4), {});
  run(scheduler);
  EXPECT_EQ(scheduler.blocks(SequenceId{1}).size(), 2u);
  run(scheduler);
  run(scheduler);
  EXPECT_EQ(scheduler.blocks(SequenceId{1}).size(), 3u);
}

// Random arrivals, lengths, beginnings and cancellations in a pool that is often too small: everyone is
// served, nothing that runs lacks a block, and no step holds more than it may.
TEST(Scheduler, ServesEveryoneUnderRandomLoad) {
  cache::BlockPool pool(16);
  Scheduler scheduler(kConfig, pool);
  std::mt19937 random(11);
  std::map<std::uint64_t, std::int64_t> left;  // output tokens still to come
  std::uint64_t next_id = 1;
  for (int step = 0; step < 6000; ++step) {
    if (step < 4000 && random() % 8 == 0) {
      const std::int64_t prompt = 1 + random() % 40, output = 1 + random() % 24;
      scheduler.add(spec(next_id, prompt, output), keys(prompt, static_cast<std::int32_t>(random() % 3)));
      left[next_id++] = output;
    }
    if (!left.empty() && random() % 20 == 0) {
      const auto victim = std::next(left.begin(), random() % left.size());
      scheduler.remove(SequenceId{victim->first});
      left.erase(victim);
    }
    const BatchPlan plan = scheduler.next_batch(kRoom);
    ASSERT_EQ(plan.empty(), left.empty());
    std::int64_t prompt_tokens = 0;
    for (const Slice& slice : plan.slices) {
      scheduler.commit(slice);
      const auto id = static_cast<std::uint64_t>(slice.id);
      if (slice.tokens > 1) prompt_tokens += slice.tokens;
      ASSERT_GE(std::ssize(scheduler.blocks(slice.id)) * 4, slice.position + slice.tokens);
      if (!slice.completes) continue;
      if (--left[id] == 0) {
        scheduler.remove(slice.id);
        left.erase(id);
      } else {
        scheduler.append(slice.id, static_cast<std::int32_t>(random() % 2));
      }
    }
    ASSERT_LE(prompt_tokens, kRoom.most);
  }
  EXPECT_TRUE(left.empty());
  EXPECT_EQ(pool.used(), 0);
  EXPECT_GT(scheduler.counts().preemptions, 0);
  EXPECT_GT(scheduler.counts().prefix_hits, 0);
}

}  // namespace
}  // namespace atelier::schedule
