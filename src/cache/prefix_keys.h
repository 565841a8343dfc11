// PrefixKeys name what stands in a sequence's full blocks. The key of block i is SHA-256 over the key of
// block i-1 and the block's tokens, so equal keys mean equal tokens from the very first on; the first block's
// parent is the salt, so nobody finds (or can probe for) the blocks of another tenant, adapter or cache_salt.
// The chain is that of vLLM's prefix cache; the role is ours: generated tokens are multiplied in another
// arithmetic than a prompt's, and a cached block must hold the very bits that computing it again would give.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace atelier::cache {

using BlockKey = std::array<std::uint8_t, 32>;

struct BlockKeyHash {
  std::size_t operator()(const BlockKey& key) const;
};

class PrefixKeys {
 public:
  // Keys of nothing: the sequence shares no block.
  PrefixKeys() = default;
  // salt: whatever distinguishes those who may share; any bytes.
  PrefixKeys(std::string_view salt, std::int64_t block_tokens);

  // The sequence's next tokens. A key appears for each block that they fill.
  void extend(std::span<const std::int32_t> tokens, bool generated);

  std::span<const BlockKey> keys() const { return keys_; }  // of full blocks, in order

 private:
  void close_block();

  std::int64_t block_tokens_ = 0;  // 0: keys of nothing
  BlockKey parent_{};
  std::vector<std::uint32_t> open_;  // marks of the tokens in the block that is not full yet
  std::vector<BlockKey> keys_;
};

}  // namespace atelier::cache
