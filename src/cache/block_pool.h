// The BlockPool knows which of the KV store's blocks are taken and by how many, and what is worth keeping in
// the rest. Blocks are numbers; what stands in them is the KV store's business.
//
// A block is taken (it has holders), kept (its last holder let go, and its contents are known by a key), or
// empty. Kept blocks are the prefix cache: whoever knows the key may take them again; when empty ones run
// out, the kept one that was used longest ago is emptied.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "cache/prefix_keys.h"

namespace atelier::cache {

using BlockId = std::int32_t;

// Engine thread only.
class BlockPool {
 public:
  explicit BlockPool(std::int64_t blocks);

  // Appends `count` blocks to `into`, one holder each: all of them or, when fewer are free, none. Empty ones
  // first, then the longest unused of the kept.
  [[nodiscard]] bool try_reserve(std::int64_t count, std::vector<BlockId>& into);

  void retain(BlockId block);                     // one more holder of a taken or kept block
  void release(std::span<const BlockId> blocks);  // one holder less of each; the first is kept the longest

  // The taken block's contents are complete and are what `key` says. Does nothing where the key or the block
  // is known already.
  void publish(BlockId block, const BlockKey& key);
  std::optional<BlockId> find(const BlockKey& key) const;  // taken or kept
  void forget();                                           // empties what is kept

  std::int64_t total() const { return static_cast<std::int64_t>(holders_.size()); }
  std::int64_t free() const { return std::ssize(empty_) + kept_; }  // kept ones among them
  std::int64_t used() const { return total() - free(); }
  std::int64_t kept() const { return kept_; }
  std::int32_t holders(BlockId block) const;

 private:
  BlockId take_free();
  void empty_oldest();
  void link_newest(BlockId block);
  void unlink(BlockId block);

  std::vector<std::int32_t> holders_;  // by block; 0 = free
  // A stack: what was let go last is taken first, so memory once touched is touched again.
  std::vector<BlockId> empty_;
  std::unordered_map<BlockKey, BlockId, BlockKeyHash> index_;
  std::vector<std::optional<BlockKey>> keys_;  // by block: its key in the index
  // The kept blocks as a ring, oldest first; the element after the last block is its anchor.
  std::vector<BlockId> older_, newer_;
  std::int64_t kept_ = 0;
};

}  // namespace atelier::cache
