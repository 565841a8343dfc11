// The KV store holds keys and values of every layer in blocks of kBlockTokens tokens. Which block belongs to
// whom is the block pool's business (cache/); here they are numbers. Memory is touched when first written.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/ops.h"
#include "model/config.h"
#include "tensor/aligned_buffer.h"

namespace atelier::model {

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
