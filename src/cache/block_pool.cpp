#include "cache/block_pool.h"

#include <limits>

#include "base/check.h"

namespace atelier::cache {

BlockPool::BlockPool(std::int64_t blocks) {
  ATELIER_CHECK(blocks >= 0 && blocks <= std::numeric_limits<BlockId>::max());
  holders_.assign(static_cast<std::size_t>(blocks), 0);
  free_.reserve(holders_.size());
  for (std::int64_t block = blocks; block > 0; --block) free_.push_back(static_cast<BlockId>(block - 1));
}

bool BlockPool::try_reserve(std::int64_t count, std::vector<BlockId>& into) {
  ATELIER_CHECK(count >= 0);
  if (count > free()) return false;
  into.reserve(into.size() + static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const BlockId block = free_.back();
    free_.pop_back();
    ATELIER_CHECK(holders_[block] == 0);
    holders_[block] = 1;
    into.push_back(block);
  }
  return true;
}

void BlockPool::retain(BlockId block) {
  ATELIER_CHECK(holders(block) > 0);
  ++holders_[block];
}

void BlockPool::release(std::span<const BlockId> blocks) {
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    ATELIER_CHECK(holders(*block) > 0);
    if (--holders_[*block] == 0) free_.push_back(*block);
  }
}

std::int32_t BlockPool::holders(BlockId block) const {
  ATELIER_CHECK(block >= 0 && block < total());
  return holders_[block];
}

}  // namespace atelier::cache
