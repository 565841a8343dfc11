// The KV store holds keys and values of every layer in blocks of kBlockTokens tokens. Which block belongs to
// whom is the block pool's business (cache/); here they are numbers. Memory is touched when first written.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "kernels/ops.h"
#include "model/config.h"
#include "tensor/aligned_buffer.h"

namespace atelier::model {

// How keys and values are to be kept: as the compute mode says (f16, or f32 with kF32), or in int8.
enum class KvKind : std::uint8_t { kAuto, kInt8 };

DType kv_dtype(KvKind kind, kernels::Compute compute);
std::string_view kv_dtype_name(DType dtype);  // as users know it: "F16", "int8"

// kUnsupported, param "--kv-cache-dtype": this model's head_dim cannot be kept so.
Status check_kv(const ModelConfig& config, KvKind kind);

class KvStore {
 public:
  KvStore(const ModelConfig& config, DType dtype, std::int64_t blocks);

  kernels::KvLayer layer(std::int64_t index) const;
  std::int64_t blocks() const { return blocks_; }
  std::int64_t bytes() const;
  static std::int64_t bytes_per_block(const ModelConfig& config, DType dtype);

 private:
  std::int64_t run_bytes() const;

  ModelConfig config_;
  DType dtype_;
  std::int64_t blocks_, run_blocks_;
  AlignedBuffer memory_;
};

}  // namespace atelier::model
