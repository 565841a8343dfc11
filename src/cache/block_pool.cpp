#include "cache/block_pool.h"

#include <limits>

#include "base/check.h"

namespace atelier::cache {

BlockPool::BlockPool(std::int64_t blocks) {
  ATELIER_CHECK(blocks >= 0 && blocks < std::numeric_limits<BlockId>::max());
  const auto count = static_cast<std::size_t>(blocks);
  holders_.assign(count, 0);
  keys_.resize(count);
  older_.assign(count + 1, static_cast<BlockId>(blocks));
  newer_.assign(count + 1, static_cast<BlockId>(blocks));
  empty_.reserve(count);
  for (std::int64_t block = blocks; block > 0; --block) empty_.push_back(static_cast<BlockId>(block - 1));
}

bool BlockPool::try_reserve(std::int64_t count, std::vector<BlockId>& into) {
  ATELIER_CHECK(count >= 0);
  if (count > free()) return false;
  into.reserve(into.size() + static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) into.push_back(take_free());
  return true;
}

BlockId BlockPool::take_free() {
  if (empty_.empty()) empty_oldest();
  const BlockId block = empty_.back();
  empty_.pop_back();
  ATELIER_CHECK(holders_[block] == 0);
  holders_[block] = 1;
  return block;
}

void BlockPool::retain(BlockId block) {
  ATELIER_CHECK(holders(block) > 0 || keys_[block]);
  if (holders_[block]++ == 0) unlink(block);
}

void BlockPool::release(std::span<const BlockId> blocks) {
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    ATELIER_CHECK(holders(*block) > 0);
    if (--holders_[*block] > 0) continue;
    if (keys_[*block]) {
      link_newest(*block);
    } else {
      empty_.push_back(*block);
    }
  }
}

void BlockPool::publish(BlockId block, const BlockKey& key) {
  ATELIER_CHECK(holders(block) > 0);
  if (keys_[block] || !index_.emplace(key, block).second) return;
  keys_[block] = key;
}

std::optional<BlockId> BlockPool::find(const BlockKey& key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? std::nullopt : std::optional(found->second);
}

void BlockPool::forget() {
  while (kept_ > 0) empty_oldest();
}

void BlockPool::empty_oldest() {
  const BlockId oldest = newer_.back();
  unlink(oldest);
  index_.erase(*keys_[oldest]);
  keys_[oldest].reset();
  empty_.push_back(oldest);
}

void BlockPool::link_newest(BlockId block) {
  const auto anchor = static_cast<BlockId>(total());
  const BlockId newest = older_[anchor];
  newer_[newest] = block;
  older_[block] = newest;
  newer_[block] = anchor;
  older_[anchor] = block;
  ++kept_;
}

void BlockPool::unlink(BlockId block) {
  ATELIER_CHECK(kept_ > 0);
  newer_[older_[block]] = newer_[block];
  older_[newer_[block]] = older_[block];
  --kept_;
}

std::int32_t BlockPool::holders(BlockId block) const {
  ATELIER_CHECK(block >= 0 && block < total());
  return holders_[block];
}

}  // namespace atelier::cache
