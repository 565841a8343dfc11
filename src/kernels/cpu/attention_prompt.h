// Causal attention of prompt rows, whatever forms its products (include attention_body.h first).
// Everything stands on its side: scores are [key][query] and sums [dim][query], so that a lane is a query,
// and maxima, weights and rescaling need nothing from the neighbours.
//
//   S [16 keys][16 queries]  = K [16 keys][32 dims] Q [32 dims][16 queries]         per 32 dims
//   P = 2^(S - highest)        queries carry scale log2(e)
//   O [16 dims][16 queries] += V [16 dims][32 keys] P [32 keys][16 queries]         per 32 keys
//
// K, Q, V and P have 16 bits: bf16 (attention_tiles.h) or whole numbers (attention_words.h), two to a lane.
// Steps of kStepKeys keys begin at multiples of kStepKeys; within one the maximum is taken once. What a query
// does not see weighs exactly 0, and a step out of sight changes nothing: a row's bits do not depend on the
// rows beside it.
//
// Products: what forms them, a class with
//   load_block(p, block, chunk, written)   a block's keys and values (`written` of them) as the step's chunk
//   load_queries(p, rows, kv_head, tile)   16 query vectors, and their highest score so far: none
//   score(p, tile, chunks)                 the scores of the tile with the step's first chunks x 32 keys
//   gather(p, tile, chunks, first_step)    those scores become weights; O and the weights' sums grow
#pragma once

#include "kernels/attention_ops.h"

namespace atelier::kernels {
namespace {

constexpr std::int64_t kTileBytes = 1024, kStepChunks = kStepKeys / 32;
constexpr float kLog2E = 1.44269504f;
static_assert(kStepKeys % kBlock == 0);

// The queries at work and where their parts are in scratch.
struct Prompt {
  PromptScratch layout;
  std::byte* scratch;
  std::int64_t head_dim, heads_per_kv;
  std::int64_t first_row, first_position;
  std::int64_t queries;  // rows x heads_per_kv, row by row

  std::int64_t tiles() const { return (queries + 15) / 16; }
  std::int64_t position(std::int64_t query) const {
    return first_position + (query < queries ? query : queries - 1) / heads_per_kv;
  }
  std::byte* keys(std::int64_t group) const {  // of 16
    return scratch + layout.keys + group * layout.dim_chunks * kTileBytes;
  }
  std::byte* values(std::int64_t dim_group) const {  // of 16
    return scratch + layout.values + dim_group * kStepChunks * kTileBytes;
  }
  std::byte* queries_of(std::int64_t tile) const {
    return scratch + layout.queries + tile * layout.dim_chunks * kTileBytes;
  }
  float* sums(std::int64_t tile) const {
    return reinterpret_cast<float*>(scratch + layout.sums + tile * layout.dim_groups * kTileBytes);
  }
  float* weight_sums(std::int64_t tile) const {
    return reinterpret_cast<float*>(scratch + layout.weight_sums) + tile * 16;
  }
  float* highest(std::int64_t tile) const {
    return reinterpret_cast<float*>(scratch + layout.highest) + tile * 16;
  }
  float* query_scales(std::int64_t tile) const {
    return reinterpret_cast<float*>(scratch + layout.query_scales) + tile * 16;
  }
  float* key_scales() const { return reinterpret_cast<float*>(scratch + layout.key_scales); }
  float* value_scales() const { return reinterpret_cast<float*>(scratch + layout.value_scales); }
  float* scores() const { return reinterpret_cast<float*>(scratch + layout.scores); }
  std::byte* weights() const { return scratch + layout.weights; }
};

// --- weights ---

// x - floor(x), rounded to the nearest (VREDUCEPS would round it down); x <= 0. Below -300, where 2^x is 0,
// any number: an infinite x has none.
Lanes::V fraction(Lanes::V x) {
  const Lanes::V bounded = Lanes::max(Lanes::set(-300.0f), x);
  return Lanes::sub(bounded, floor_of(bounded));
}

void hide_unseen(const Prompt& p, std::int64_t tile, std::int64_t keys, std::int64_t position) {
  float seen[16];
  for (int lane = 0; lane < 16; ++lane)
    seen[lane] = static_cast<float>(p.position(tile * 16 + lane) + 1 - position);
  const Lanes::V limit = Lanes::load(seen);
  float* score = p.scores();
  for (std::int64_t key = 0; key < keys; ++key, score += 16)
    Lanes::store(score, keep_seen(Lanes::load(score), static_cast<float>(key), limit, kUnseen));
}

Lanes::V highest_score(const float* score, std::int64_t keys) {
  Lanes::V a = Lanes::load(score), b = Lanes::load(score + 16);
  for (std::int64_t key = 2; key < keys; key += 2) {
    a = Lanes::max(Lanes::load(score + key * 16), a);
    b = Lanes::max(Lanes::load(score + key * 16 + 16), b);
  }
  return Lanes::max(a, b);
}

void shrink_sums(const Prompt& p, std::int64_t tile, Lanes::V factor) {
  float* sum = p.sums(tile);
  for (std::int64_t i = 0; i < p.layout.dim_groups * 16; ++i, sum += 16)
    Lanes::store(sum, Lanes::mul(Lanes::load(sum), factor));
  Lanes::store(p.weight_sums(tile), Lanes::mul(Lanes::load(p.weight_sums(tile)), factor));
}

// --- from the queries to the output rows ---

// Where a tile's `lane`th query vector begins; null past the last.
inline const float* query_vector(const Prompt& p, const AttentionRows& rows, std::int64_t kv_head,
                                 std::int64_t query) {
  if (query >= p.queries) return nullptr;
  return rows.q + (p.first_row + query / p.heads_per_kv) * rows.q_stride +
         (kv_head * p.heads_per_kv + query % p.heads_per_kv) * p.head_dim;
}

void write_rows(const Prompt& p, const AttentionRows& rows, std::int64_t kv_head, std::int64_t tile) {
  const Lanes::V inverse = Lanes::div(Lanes::set(1.0f), Lanes::load(p.weight_sums(tile)));
  for (std::int64_t group = 0; group < p.layout.dim_groups; ++group) {
    Lanes::V sum[16];
    const float* from = p.sums(tile) + group * 256;
    // + 0: a sum of nothing but zeros has one sign, however many steps out of sight were added
    for (int i = 0; i < 16; ++i)
      sum[i] = Lanes::add(Lanes::mul(Lanes::load(from + 16 * i), inverse), Lanes::set(0.0f));
    transpose(sum);
    const std::int64_t left = p.head_dim - group * 16;
    for (std::int64_t lane = 0; lane < 16 && tile * 16 + lane < p.queries; ++lane) {
      const std::int64_t query = tile * 16 + lane;
      float* out = rows.out + (p.first_row + query / p.heads_per_kv) * rows.out_stride +
                   (kv_head * p.heads_per_kv + query % p.heads_per_kv) * p.head_dim + group * 16;
      Lanes::store_part(out, sum[lane], left < 16 ? static_cast<int>(left) : 16);
    }
  }
}

template <class Products>
void attend_step(Products& products, const Prompt& p, std::int64_t position) {
  for (std::int64_t tile = 0; tile < p.tiles(); ++tile) {
    const std::int64_t seen = p.position(tile * 16 + 15) + 1 - position;  // by the tile's last query
    if (seen <= 0) continue;
    const std::int64_t chunks = seen < kStepKeys ? (seen + 31) / 32 : kStepChunks;
    products.score(p, tile, chunks);
    if (p.position(tile * 16) + 1 - position < chunks * 32) hide_unseen(p, tile, chunks * 32, position);
    products.gather(p, tile, chunks, position == 0);
  }
}

template <class Products>
void attend_rows(Products& products, const Prompt& p, const KvLayer& kv, const AttentionRows& rows,
                 std::int64_t kv_head) {
  for (std::int64_t tile = 0; tile < p.tiles(); ++tile) products.load_queries(p, rows, kv_head, tile);
  const std::int64_t keys = p.position(p.queries) + 1;
  for (std::int64_t position = 0; position < keys; position += kStepKeys) {
    for (std::int64_t chunk = 0; chunk < kStepChunks && position + chunk * kBlock < keys; ++chunk) {
      const std::int64_t at = position / kBlock + chunk, written = keys - at * kBlock;
      if (kv.dtype == DType::kQ8_0) {
        products.load_block(p, stored_block<std::int8_t>(kv, rows, kv_head, at, at), chunk, written);
      } else {
        products.load_block(p, stored_block<std::uint16_t>(kv, rows, kv_head, at, at), chunk, written);
      }
    }
    attend_step(products, p, position);
  }
  for (std::int64_t tile = 0; tile < p.tiles(); ++tile) write_rows(p, rows, kv_head, tile);
}

// Ops::attend_prompt. Keys and values in f32 mean that no product may be rounded: they go to attend.
template <class Products>
void attend_prompt_by(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head,
                      std::byte* scratch) {
  if (kv.dtype == DType::kF32) return attend(kv, rows, kv_head, scratch);
  Products products;
  Prompt p = {};
  p.scratch = scratch;
  p.head_dim = kv.head_dim;
  p.heads_per_kv = rows.heads / kv.kv_heads;
  const std::int64_t step = prompt_item_rows(p.heads_per_kv);
  p.layout = prompt_scratch(kv.head_dim, step, p.heads_per_kv);
  for (std::int64_t row = 0; row < rows.rows; row += step) {
    p.first_row = row;
    p.first_position = rows.position + row;
    p.queries = (rows.rows - row < step ? rows.rows - row : step) * p.heads_per_kv;
    attend_rows(products, p, kv, rows, kv_head);
  }
}

}  // namespace
}  // namespace atelier::kernels
