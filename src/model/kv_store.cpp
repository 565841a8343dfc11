#include "model/kv_store.h"

#include <algorithm>

#include "base/check.h"

namespace atelier::model {
namespace {

// Keys of one KV head in one block, or its values: head_dim x kBlockTokens.
std::int64_t half_head_bytes(const ModelConfig& config, DType dtype) {
  return config.head_dim * kernels::kBlockTokens / traits(dtype).block_values * traits(dtype).block_bytes;
}

}  // namespace

DType kv_dtype(KvKind kind, kernels::Compute compute) {
  if (kind == KvKind::kInt8) return DType::kQ8_0;
  return compute == kernels::Compute::kF32 ? DType::kF32 : DType::kF16;
}

std::string_view kv_dtype_name(DType dtype) {
  return dtype == DType::kQ8_0 ? "int8" : traits(dtype).name;
}

Status check_kv(const ModelConfig& config, KvKind kind) {
  if (kind == KvKind::kAuto || config.head_dim % kernels::kKvScaleDims == 0) return {};
  return fail_param(Fault::kUnsupported, "--kv-cache-dtype",
                    fmt::format("--kv-cache-dtype int8: the heads of this model have {} dims; int8 wants a "
                                "multiple of {}. float16 works",
                                config.head_dim, kernels::kKvScaleDims));
}

KvStore::KvStore(const ModelConfig& config, DType dtype, std::int64_t blocks)
    : config_(config),
      dtype_(dtype),
      blocks_(blocks),
      run_blocks_(std::clamp<std::int64_t>(blocks, 1, kernels::kRunBlocks)),
      memory_(static_cast<std::size_t>((blocks + run_blocks_ - 1) / run_blocks_ * run_bytes())) {}

// [run][layer][kv_head][block of the run][keys, values].
kernels::KvLayer KvStore::layer(std::int64_t index) const {
  ATELIER_CHECK(index >= 0 && index < config_.layers);
  const std::int64_t half = half_head_bytes(config_, dtype_), head = 2 * half * run_blocks_;
  std::byte* keys = memory_.data() + index * config_.kv_heads * head;
  return {.dtype = dtype_,
          .kv_heads = config_.kv_heads,
          .head_dim = config_.head_dim,
          .block_bytes = 2 * half,
          .head_bytes = head,
          .run_bytes = run_bytes(),
          .keys = keys,
          .values = keys + half};
}

std::int64_t KvStore::run_bytes() const {
  return run_blocks_ * bytes_per_block(config_, dtype_);
}

std::int64_t KvStore::bytes() const {
  return static_cast<std::int64_t>(memory_.size());
}

std::int64_t KvStore::bytes_per_block(const ModelConfig& config, DType dtype) {
  return 2 * config.layers * config.kv_heads * half_head_bytes(config, dtype);
}

}  // namespace atelier::model
