#include "kernels/attention_ops.h"

#include <algorithm>

namespace atelier::kernels {

std::int64_t attention_scratch_bytes(std::int64_t head_dim, std::int64_t heads_per_kv) {
  const std::int64_t bytes = attention_scratch(head_dim, heads_per_kv).floats * std::int64_t{sizeof(float)};
  const std::int64_t by_tiles = prompt_scratch(head_dim, prompt_item_rows(heads_per_kv), heads_per_kv).bytes;
  return std::max((bytes + 63) / 64 * 64, by_tiles);
}

std::int64_t attention_part_rows(std::int64_t heads_per_kv) {
  return tile_rows(heads_per_kv);
}

std::int64_t attention_part_floats(std::int64_t head_dim, std::int64_t queries) {
  return gathered_floats(head_dim, queries);
}

std::int64_t prompt_item_rows(std::int64_t heads_per_kv) {
  return std::max<std::int64_t>(1, kPromptQueries / heads_per_kv);
}

}  // namespace atelier::kernels
