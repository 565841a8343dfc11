#include "kernels/attention_ops.h"

namespace atelier::kernels {

std::int64_t attention_scratch_bytes(std::int64_t head_dim, std::int64_t heads_per_kv) {
  const std::int64_t bytes = attention_scratch(head_dim, heads_per_kv).floats * std::int64_t{sizeof(float)};
  return (bytes + 63) / 64 * 64;
}

}  // namespace atelier::kernels
