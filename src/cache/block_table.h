// A BlockTable is the list of blocks one sequence stands in, in the order of its tokens. Destroying it gives
// the blocks back.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "cache/block_pool.h"

namespace atelier::cache {

// Engine thread only. The pool must outlive the table.
class BlockTable {
 public:
  explicit BlockTable(BlockPool& pool) : pool_(&pool) {}
  BlockTable(BlockTable&& other) noexcept : pool_(other.pool_), blocks_(std::exchange(other.blocks_, {})) {}
  BlockTable& operator=(BlockTable&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(blocks_, other.blocks_);
    return *this;
  }
  ~BlockTable() { pool_->release(blocks_); }

  // Makes the table at least `blocks` long; false, and nothing changed, when the pool holds too few.
  [[nodiscard]] bool try_grow_to(std::int64_t blocks) {
    const std::int64_t missing = blocks - static_cast<std::int64_t>(blocks_.size());
    return missing <= 0 || pool_->try_reserve(missing, blocks_);
  }

  // Takes a block that others filled, as the next one of a table, or in the place of its own at `index`.
  void share(std::size_t index, BlockId block) {
    pool_->retain(block);
    if (index == blocks_.size()) return blocks_.push_back(block);
    pool_->release({&blocks_[index], 1});
    blocks_[index] = block;
  }

  std::span<const BlockId> blocks() const { return blocks_; }

 private:
  BlockPool* pool_;
  std::vector<BlockId> blocks_;
};

}  // namespace atelier::cache
