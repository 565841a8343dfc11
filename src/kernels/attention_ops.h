// The functions of an Ops table that read and write the KV store: one constant per instruction set, all
// bit-equal (attention_test.cpp). What each does: ops.h.
#pragma once

#include "kernels/ops.h"

namespace atelier::kernels {

struct AttentionOps {
  decltype(Ops::store_kv) store_kv;
  decltype(Ops::attend) attend;
  decltype(Ops::attend_part) attend_part;
  decltype(Ops::merge_parts) merge_parts;
  decltype(Ops::attend_prompt) attend_prompt;
};

// attend_prompt by words of 16 bits.
extern const AttentionOps kAttentionScalar, kAttentionAvx2, kAttentionAvxVnni, kAttentionAvx512;
extern const AttentionOps kAttentionAmx;       // attend as kAttentionAvx512, attend_prompt by tiles
extern const AttentionOps kAttentionEmulated;  // attend_prompt over emulated tiles: tests only

// A thread works on this many query vectors (rows x heads of one KV head) per pass over the keys: their
// queries and running sums (64 KiB at head_dim 128) stay in the second-level cache.
inline constexpr std::int64_t kTileQueries = 64;

// Of these so many are at work at a time: their elements lie side by side, their weights of one block stand
// in scratch.
inline constexpr std::int64_t kGroupQueries = 8;

// Rows of one sequence that fit a tile.
constexpr std::int64_t tile_rows(std::int64_t heads_per_kv) {
  return heads_per_kv >= kTileQueries ? 1 : kTileQueries / heads_per_kv;
}

constexpr std::int64_t padded_dim(std::int64_t head_dim) {
  return (head_dim + 15) / 16 * 16;
}

// What queries gather over a part: sums of weight x value and of weights, highest score; whole lines.
constexpr std::int64_t gathered_floats(std::int64_t head_dim, std::int64_t queries) {
  return queries * (padded_dim(head_dim) + 16) + (queries + 15) / 16 * 16;
}

// One thread's scratch, in floats from its start: regions of one tile.
struct AttentionScratch {
  std::int64_t padded_dim;      // head_dim rounded up to 16
  std::int64_t keys;            // [head_dim][32]      one block of keys
  std::int64_t values;          // [32][padded_dim]    one block of values
  std::int64_t queries;         // [queries / 8][head_dim][8] scaled
  std::int64_t gathered, part;  // over all parts so far, over the one at work: gathered_floats
  std::int64_t weights;         // [8][32]             scores, then e^(score - highest), of a group
  std::int64_t scaled_weights;  // [8][32]             the same times the scales of 32 dims of int8 values
  std::int64_t shrink;          // [16]                e^(old highest - new highest) of a group
  std::int64_t floats;          // all together
};

constexpr AttentionScratch attention_scratch(std::int64_t head_dim, std::int64_t heads_per_kv) {
  const std::int64_t tile = tile_rows(heads_per_kv) * heads_per_kv;
  AttentionScratch s = {};
  s.padded_dim = padded_dim(head_dim);
  s.values = s.keys + head_dim * kBlockTokens;
  s.queries = s.values + kBlockTokens * s.padded_dim;
  const std::int64_t groups = (tile + kGroupQueries - 1) / kGroupQueries;
  s.gathered = s.queries + (groups * kGroupQueries * head_dim + 15) / 16 * 16;
  s.part = s.gathered + gathered_floats(head_dim, tile);
  s.weights = s.part + gathered_floats(head_dim, tile);
  s.scaled_weights = s.weights + kGroupQueries * kBlockTokens;
  s.shrink = s.scaled_weights + kGroupQueries * kBlockTokens;
  s.floats = s.shrink + 16;
  return s;
}

// Attention by tiles takes keys in steps, and so many query vectors per pass over them: 1024 let a step's
// conversion into tiles cost 5 %, and their sums (256 KiB at head_dim 64) stay in the second-level cache.
inline constexpr std::int64_t kStepKeys = 128, kPromptQueries = 1024;

// One thread's scratch for attention by tiles, in bytes from its start. A tile is 1 KiB; all parts are whole
// lines.
struct PromptScratch {
  std::int64_t dim_chunks, dim_groups;    // of 32 and of 16 dims
  std::int64_t keys;                      // [kStepKeys / 16][dim_chunks] tiles [16 keys][32 dims] bf16
  std::int64_t values;                    // [dim_groups][kStepKeys / 32] tiles [16 dims][32 keys] bf16
  std::int64_t queries;                   // [query tile][dim_chunks] tiles [16 dim pairs][16 queries][2] bf16
  std::int64_t sums;                      // [query tile][dim_groups] tiles [16 dims][16 queries] f32
  std::int64_t weight_sums, highest;      // [query tile][16 queries] f32
  std::int64_t scores;                    // [kStepKeys][16 queries] f32
  std::int64_t weights;                   // [kStepKeys / 2][16 queries][2] bf16
  std::int64_t query_scales;              // [query tile][16 queries] f32, where the 16 bits are whole numbers
  std::int64_t key_scales, value_scales;  // [kStepKeys] f32, likewise
  std::int64_t bytes;                     // all together
};

constexpr PromptScratch prompt_scratch(std::int64_t head_dim, std::int64_t rows, std::int64_t heads_per_kv) {
  const std::int64_t tiles = (rows * heads_per_kv + 15) / 16;
  PromptScratch s = {};
  s.dim_chunks = (head_dim + 31) / 32;
  s.dim_groups = (head_dim + 15) / 16;
  s.values = s.keys + kStepKeys / 16 * s.dim_chunks * 1024;
  s.queries = s.values + kStepKeys / 32 * s.dim_groups * 1024;
  s.sums = s.queries + tiles * s.dim_chunks * 1024;
  s.weight_sums = s.sums + tiles * s.dim_groups * 1024;
  s.highest = s.weight_sums + tiles * 64;
  s.scores = s.highest + tiles * 64;
  s.weights = s.scores + kStepKeys * 64;
  s.query_scales = s.weights + kStepKeys * 32;
  s.key_scales = s.query_scales + tiles * 64;
  s.value_scales = s.key_scales + kStepKeys * 4;
  s.bytes = s.value_scales + kStepKeys * 4;
  return s;
}

}  // namespace atelier::kernels
