// Attention over the paged KV store, written once over Lanes: flash style (Dao et al. 2022), one pass over
// the blocks with a running maximum and running sums (Milakov & Gimelshein 2018). Include after one of the
// float_lanes_*.h, in that instruction set's attention_*.cpp and nowhere else.
//
// A query's arithmetic does not depend on its company: blocks begin at multiples of kBlockTokens, and one
// wholly out of sight multiplies by 1 and adds 0. Every kPartKeys keys the sums begin anew, and the parts are
// merged in ascending order, whether one thread made them or several.
#pragma once

#include "kernels/cpu/attention_block.h"

namespace atelier::kernels {
namespace {

// Up to so many queries take f16 or int8 from the store into registers; for more a block is widened in
// scratch first.
constexpr std::int64_t kFewQueries = 16;

Tile tile_of(const KvLayer& kv, const AttentionRows& rows, std::byte* scratch) {
  Tile tile = {};
  tile.heads_per_kv = rows.heads / kv.kv_heads;
  tile.layout = attention_scratch(kv.head_dim, tile.heads_per_kv);
  tile.scratch = reinterpret_cast<float*>(scratch);
  tile.head_dim = kv.head_dim;
  return tile;
}

void begin_tile(Tile& tile, const AttentionRows& rows, std::int64_t first_row, std::int64_t count,
                std::int64_t kv_head) {
  tile.first_position = rows.position + first_row;
  tile.queries = count * tile.heads_per_kv;
  for (std::int64_t i = 0; i < tile.queries; ++i) {
    const std::int64_t row = first_row + i / tile.heads_per_kv;
    const std::int64_t head = kv_head * tile.heads_per_kv + i % tile.heads_per_kv;
    const float* q = rows.q + row * rows.q_stride + head * tile.head_dim;
    float* query = tile.query(i);
    for (std::int64_t d = 0; d < tile.head_dim; ++d) query[d * kGroup] = q[d] * rows.scale;
  }
}

void begin_part(const Tile& tile, const Gathered& to) {
  const Lanes::V zero = Lanes::set(0.0f);
  for (std::int64_t i = 0; i < tile.queries; ++i) {
    for (std::int64_t d = 0; d < tile.layout.padded_dim; d += 16) Lanes::store(to.sum(i, d), zero);
    Lanes::store(to.weight_sum(i), zero);
    to.highest[i] = kNoScoreYet;
  }
}

// The block at `position` as it stands in scratch.
Block<float> block_in_scratch(const Tile& tile, std::int64_t position, std::int64_t value_stride) {
  const float *keys = tile.scratch + tile.layout.keys, *values = tile.scratch + tile.layout.values;
  return {.position = position,
          .keys = keys,
          .values = values,
          .value_stride = value_stride,
          .later_keys = reinterpret_cast<const std::byte*>(keys),
          .later_values = reinterpret_cast<const std::byte*>(values)};
}

// A block's keys and values as f32 in scratch. Scores of slots >= written may be anything: weigh() replaces
// them.
Block<float> widened_block(const Tile& tile, const Block<std::uint16_t>& from, std::int64_t written) {
  widen(from.keys, tile.scratch + tile.layout.keys, tile.head_dim * kBlock);
  widen_values(from.values, tile.head_dim, written, tile.layout.padded_dim,
               tile.scratch + tile.layout.values);
  return block_in_scratch(tile, from.position, tile.layout.padded_dim);
}

// The same of int8, not scaled: scales are multiplied in where they are for few queries.
ScaledBlock<float> widened_block(const Tile& tile, const ScaledBlock<std::int8_t>& from) {
  widen(from.keys, tile.scratch + tile.layout.keys, tile.head_dim * kBlock);
  widen(from.values, tile.scratch + tile.layout.values, tile.head_dim * kBlock);
  return {block_in_scratch(tile, from.position, tile.head_dim), from.key_scales, from.value_scales,
          from.written};
}

// `written`: how many of the block's slots hold anything; may be over 32.
void attend_stored(const Tile& tile, const Gathered& to, Block<float> block, std::int64_t written) {
  if (written < kBlock || tile.layout.padded_dim != tile.head_dim) {
    float* values = tile.scratch + tile.layout.values;
    widen_values(block.values, tile.head_dim, written, tile.layout.padded_dim, values);
    block.values = values;
    block.later_values = reinterpret_cast<const std::byte*>(values);
    block.value_stride = tile.layout.padded_dim;
  }
  attend_block(tile, to, block);
}

void attend_stored(const Tile& tile, const Gathered& to, const Block<std::uint16_t>& block,
                   std::int64_t written) {
  const bool whole = written >= kBlock && tile.layout.padded_dim == tile.head_dim;
  if (whole && tile.queries <= kFewQueries) {
    attend_block(tile, to, block);
  } else {
    attend_block(tile, to, widened_block(tile, block, written));
  }
}

void attend_stored(const Tile& tile, const Gathered& to, const Block<std::int8_t>& block,
                   std::int64_t written) {
  const ScaledBlock<std::int8_t> scaled = scaled_block(block, tile.head_dim, written);
  if (tile.queries <= kFewQueries) {
    attend_block(tile, to, scaled);
  } else {
    attend_block(tile, to, widened_block(tile, scaled));
  }
}

// The tile's queries over the keys of one part. A function for each kind of elements: all in one are too much
// for the compiler to inline.
template <class Element>
[[gnu::noinline]] void gather_blocks(const Tile& tile, const KvLayer& kv, const AttentionRows& rows,
                                     std::int64_t kv_head, std::int64_t part, const Gathered& to) {
  const std::int64_t keys = tile.last_position() + 1, left = keys - part * kPartKeys;
  const std::int64_t first = part * (kPartKeys / kBlock),
                     end = first + ((left < kPartKeys ? left : kPartKeys) + kBlock - 1) / kBlock;
  const std::int64_t last = tile.last_position() / kBlock;  // of all parts: the next one begins soon
  for (std::int64_t at = first; at < end; ++at) {
    const std::int64_t later = at + kBlocksAhead < last ? at + kBlocksAhead : last;
    Block<Element> block = stored_block<Element>(kv, rows, kv_head, at, later);
    if (at - first < rows.upcoming_count) block.upcoming = rows.upcoming[at - first];
    attend_stored(tile, to, block, keys - at * kBlock);
  }
}

void gather_part(const Tile& tile, const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head,
                 std::int64_t part, const Gathered& to) {
  begin_part(tile, to);
  switch (kv.dtype) {
    case DType::kF32:
      return gather_blocks<float>(tile, kv, rows, kv_head, part, to);
    case DType::kQ8_0:
      return gather_blocks<std::int8_t>(tile, kv, rows, kv_head, part, to);
    default:
      return gather_blocks<std::uint16_t>(tile, kv, rows, kv_head, part, to);
  }
}

// What all queries of the tile that see the part have gathered, with what they gathered before.
void merge_part(const Tile& tile, const Gathered& to, const Gathered& from, std::int64_t part) {
  for (std::int64_t i = 0; i < tile.queries; ++i) {
    if (tile.seen(i, part * kPartKeys) <= 0) continue;
    const float before = to.highest[i], other = from.highest[i];
    const bool rises = other > before;
    const Lanes::V factor = exp_of_fall<Lanes>(Lanes::set(rises ? before - other : other - before));
    const Lanes::V one = Lanes::set(1.0f), keep = rises ? factor : one, take = rises ? one : factor;
    const auto merge = [&](float* sum, const float* more) {
      Lanes::store(sum, Lanes::fma(Lanes::load(more), take, Lanes::mul(Lanes::load(sum), keep)));
    };
    for (std::int64_t d = 0; d < tile.layout.padded_dim; d += 16) merge(to.sum(i, d), from.sum(i, d));
    merge(to.weight_sum(i), from.weight_sum(i));
    if (rises) to.highest[i] = other;
  }
}

void finish_tile(const Tile& tile, const Gathered& from, const AttentionRows& rows, std::int64_t first_row,
                 std::int64_t kv_head) {
  for (std::int64_t i = 0; i < tile.queries; ++i) {
    const std::int64_t row = first_row + i / tile.heads_per_kv;
    const std::int64_t head = kv_head * tile.heads_per_kv + i % tile.heads_per_kv;
    float* out = rows.out + row * rows.out_stride + head * tile.head_dim;
    const float inverse = 1.0f / Lanes::fold_add(Lanes::load(from.weight_sum(i)));
    for (std::int64_t d = 0; d < tile.head_dim; ++d) out[d] = from.sum(i, d / 16 * 16)[d % 16] * inverse;
  }
}

void attend(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head, std::byte* scratch) {
  Tile tile = tile_of(kv, rows, scratch);
  const std::int64_t step = tile_rows(tile.heads_per_kv);
  for (std::int64_t row = 0; row < rows.rows; row += step) {
    begin_tile(tile, rows, row, rows.rows - row < step ? rows.rows - row : step, kv_head);
    const std::int64_t padded = tile.layout.padded_dim;
    const Gathered all(tile.scratch + tile.layout.gathered, padded, tile.queries);
    const Gathered more(tile.scratch + tile.layout.part, padded, tile.queries);
    gather_part(tile, kv, rows, kv_head, 0, all);
    for (std::int64_t part = 1; part * kPartKeys <= tile.last_position(); ++part) {
      gather_part(tile, kv, rows, kv_head, part, more);
      merge_part(tile, all, more, part);
    }
    finish_tile(tile, all, rows, row, kv_head);
  }
}

// --- the same, a part at a time: for several threads ---

void attend_part(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head, std::int64_t part,
                 float* gathered, std::byte* scratch) {
  Tile tile = tile_of(kv, rows, scratch);
  begin_tile(tile, rows, 0, rows.rows, kv_head);
  gather_part(tile, kv, rows, kv_head, part, Gathered(gathered, tile.layout.padded_dim, tile.queries));
}

void merge_parts(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head, float* gathered) {
  Tile tile = tile_of(kv, rows, nullptr);
  tile.first_position = rows.position;
  tile.queries = rows.rows * tile.heads_per_kv;
  const std::int64_t padded = tile.layout.padded_dim, apart = gathered_floats(kv.head_dim, tile.queries);
  const Gathered all(gathered, padded, tile.queries);
  for (std::int64_t part = 1; part * kPartKeys <= tile.last_position(); ++part)
    merge_part(tile, all, Gathered(gathered + part * apart, padded, tile.queries), part);
  finish_tile(tile, all, rows, 0, kv_head);
}

}  // namespace
}  // namespace atelier::kernels
