#include "model/kv_store.h"

#include <algorithm>

#include "base/check.h"

namespace atelier::model {
namespace {

// Keys of one layer in one block, or its values: [kv_heads][head_dim x kBlockTokens].
std::int64_t half_layer_bytes(const ModelConfig& config, DType dtype) {
  return config.kv_heads * config.head_dim * kernels::kBlockTokens * traits(dtype).block_bytes;
}

}  // namespace

KvStore::KvStore(const ModelConfig& config, DType dtype, std::int64_t blocks)
    : config_(config),
      dtype_(dtype),
      blocks_(blocks),
      run_blocks_(std::clamp<std::int64_t>(blocks, 1, kernels::kRunBlocks)),
      memory_(static_cast<std::size_t>((blocks + run_blocks_ - 1) / run_blocks_ * run_bytes())) {}

// [run][layer][keys, values][block of the run].
kernels::KvLayer KvStore::layer(std::int64_t index) const {
  ATELIER_CHECK(index >= 0 && index < config_.layers);
  const std::int64_t half = half_layer_bytes(config_, dtype_);
  std::byte* keys = memory_.data() + 2 * index * half * run_blocks_;
  return {.dtype = dtype_,
          .kv_heads = config_.kv_heads,
          .head_dim = config_.head_dim,
          .block_bytes = half,
          .run_bytes = run_bytes(),
          .keys = keys,
          .values = keys + half * run_blocks_};
}

std::int64_t KvStore::run_bytes() const {
  return run_blocks_ * bytes_per_block(config_, dtype_);
}

std::int64_t KvStore::bytes() const {
  return static_cast<std::int64_t>(memory_.size());
}

std::int64_t KvStore::bytes_per_block(const ModelConfig& config, DType dtype) {
  return 2 * config.layers * half_layer_bytes(config, dtype);
}

}  // namespace atelier::model
