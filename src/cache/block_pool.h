// The BlockPool knows which of the KV store's blocks are taken and by how many. Blocks are numbers; what
// stands in them is the KV store's business. A block goes back to the pool when its last holder lets go.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atelier::cache {

using BlockId = std::int32_t;

// Engine thread only.
class BlockPool {
 public:
  explicit BlockPool(std::int64_t blocks);

  // Appends `count` free blocks to `into`, one holder each: all of them or, when the pool holds fewer, none.
  [[nodiscard]] bool try_reserve(std::int64_t count, std::vector<BlockId>& into);

  void retain(BlockId block);                     // one more holder of a taken block
  void release(std::span<const BlockId> blocks);  // one holder less of each

  std::int64_t total() const { return static_cast<std::int64_t>(holders_.size()); }
  std::int64_t free() const { return static_cast<std::int64_t>(free_.size()); }
  std::int64_t used() const { return total() - free(); }
  std::int32_t holders(BlockId block) const;

 private:
  std::vector<std::int32_t> holders_;  // by block; 0 = free
  // A stack: what was let go last is taken first, so memory once touched is touched again.
  std::vector<BlockId> free_;
};

}  // namespace atelier::cache
