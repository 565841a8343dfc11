// Attention over the paged KV store, written once over Lanes: flash style (Dao et al. 2022), one pass over
// the blocks with a running maximum and running sums (Milakov & Gimelshein 2018). Include after one of the
// float_lanes_*.h, in that instruction set's attention_*.cpp and nowhere else.
//
// A query's arithmetic does not depend on its company: blocks begin at multiples of kBlockTokens, all 32
// slots of a block are summed in order, and a slot the query may not see weighs exactly 0 (its value is 0
// where nothing was written yet). A block wholly out of sight multiplies by 1 and adds 0. Every kPartKeys
// keys the sums begin anew, and the parts are merged in ascending order, whether one thread made them or
// several.
#pragma once

#include "kernels/attention_ops.h"
#include "kernels/cpu/float_lanes_math.h"

namespace atelier::kernels {
namespace {

constexpr int kBlock = static_cast<int>(kBlockTokens);
constexpr int kGroupQueries = 8;  // queries whose weights of one block stand in scratch at a time
// Up to so many queries take f16 from the store into registers; for more a block is widened in scratch first.
constexpr std::int64_t kFewQueries = 16;
static_assert(kBlock == 32 && kGroupQueries % Lanes::kScoreQueries == 0 &&
              kGroupQueries % Lanes::kValueQueries == 0);

constexpr float kUnseen = -__builtin_inff();
constexpr float kNoScoreYet = -1e30f;  // finite: differences stay numbers

// What a query has gathered over some keys: [queries][padded_dim] sums of weight x value, [queries][16] sums
// of weights, one per lane, [queries] highest score.
struct Gathered {
  float *sums, *weight_sums, *highest;
  std::int64_t padded_dim;

  Gathered(float* memory, std::int64_t padded, std::int64_t queries)
      : sums(memory),
        weight_sums(memory + queries * padded),
        highest(memory + queries * (padded + 16)),
        padded_dim(padded) {}
  float* sum(std::int64_t i) const { return sums + i * padded_dim; }
  float* weight_sum(std::int64_t i) const { return weight_sums + i * 16; }
};

// The tile at work: where its parts are in scratch, and which keys its queries see.
struct Tile {
  AttentionScratch layout;
  float* scratch;
  std::int64_t head_dim, heads_per_kv;
  std::int64_t first_position;  // of row 0
  std::int64_t queries;         // rows x heads_per_kv, row by row

  float* query(std::int64_t i) const { return scratch + layout.queries + i * head_dim; }
  float* weights(std::int64_t in_group) const { return scratch + layout.weights + in_group * kBlock; }
  float& shrink(std::int64_t in_group) const { return scratch[layout.shrink + in_group]; }
  std::int64_t last_position() const { return first_position + (queries - 1) / heads_per_kv; }

  // How many slots of the block that begins at `block_position` query i sees; may be negative or over 32.
  std::int64_t seen(std::int64_t i, std::int64_t block_position) const {
    return first_position + i / heads_per_kv + 1 - block_position;
  }
};

// One block's keys [head_dim][32] and values [32][value_stride], in the store or in scratch, and what to
// fetch meanwhile: as many bytes of the next block.
template <class Element>
struct Block {
  std::int64_t position;
  const Element *keys, *values;
  std::int64_t value_stride;
  const Element *next_keys, *next_values;
};

Lanes::V load(const float* from) {
  return Lanes::load(from);
}
Lanes::V load(const std::uint16_t* from) {
  return Lanes::load_f16(from);
}

// Scores of kQueries queries with the block's 32 keys, lanes = keys: no horizontal sum.
template <int kQueries, class Element>
void scores(const Tile& tile, const Block<Element>& block, std::int64_t first, Lanes::V (&out)[kQueries][2]) {
  for (int q = 0; q < kQueries; ++q) out[q][0] = out[q][1] = Lanes::set(0.0f);
  const float* queries = tile.query(first);
  for (std::int64_t d = 0; d < tile.head_dim; ++d) {
    __builtin_prefetch(block.next_keys + d * kBlock);
    const Lanes::V low = load(block.keys + d * kBlock), high = load(block.keys + d * kBlock + 16);
    for (int q = 0; q < kQueries; ++q) {
      const Lanes::V element = Lanes::set(queries[q * tile.head_dim + d]);
      out[q][0] = Lanes::fma(element, low, out[q][0]);
      out[q][1] = Lanes::fma(element, high, out[q][1]);
    }
  }
}

// One query's step of the running softmax: its weights in this block, and how its sums shrink.
void weigh(const Tile& tile, const Gathered& to, std::int64_t i, std::int64_t in_group, std::int64_t seen,
           Lanes::V low, Lanes::V high) {
  if (seen < kBlock) {
    const int count = seen < 0 ? 0 : static_cast<int>(seen);
    low = Lanes::keep_first(low, count, kUnseen);
    high = Lanes::keep_first(high, count - 16, kUnseen);
  }
  const float before = to.highest[i], in_block = Lanes::fold_max(Lanes::max(low, high));
  const bool rises = in_block > before;  // seldom, once some blocks are behind
  const float now = rises ? in_block : before;
  const Lanes::V shift = Lanes::set(now), shrink = rises ? exp(Lanes::set(before - now)) : Lanes::set(1.0f);
  low = exp(Lanes::sub(low, shift));
  high = exp(Lanes::sub(high, shift));
  Lanes::store(tile.weights(in_group), low);
  Lanes::store(tile.weights(in_group) + 16, high);
  Lanes::store(to.weight_sum(i), Lanes::fma(Lanes::load(to.weight_sum(i)), shrink, Lanes::add(low, high)));
  to.highest[i] = now;
  tile.shrink(in_group) = Lanes::first(shrink);
}

template <int kQueries, class Element>
void weigh_block(const Tile& tile, const Gathered& to, const Block<Element>& block, std::int64_t first,
                 std::int64_t in_group) {
  Lanes::V score[kQueries][2];
  scores<kQueries>(tile, block, first, score);
  for (int q = 0; q < kQueries; ++q)
    weigh(tile, to, first + q, in_group + q, tile.seen(first + q, block.position), score[q][0], score[q][1]);
}

// sums = sums x shrink + weights x values for kVectors x 16 dims from `dim` on.
template <int kQueries, int kVectors, class Element>
void gather(const Tile& tile, const Gathered& to, const Block<Element>& block, std::int64_t first,
            std::int64_t in_group, std::int64_t dim) {
  Lanes::V sum[kQueries][kVectors];
  for (int q = 0; q < kQueries; ++q) {
    const Lanes::V shrink = Lanes::set(tile.shrink(in_group + q));
    for (int v = 0; v < kVectors; ++v)
      sum[q][v] = Lanes::mul(Lanes::load(to.sum(first + q) + dim + v * 16), shrink);
  }
  const Element* values = block.values + dim;
  const float* weights = tile.weights(in_group);
  for (int token = 0; token < kBlock; ++token, values += block.value_stride) {
    __builtin_prefetch(block.next_values + token * block.value_stride + dim);
    Lanes::V value[kVectors];
    for (int v = 0; v < kVectors; ++v) value[v] = load(values + v * 16);
    for (int q = 0; q < kQueries; ++q) {
      const Lanes::V weight = Lanes::set(weights[q * kBlock + token]);
      for (int v = 0; v < kVectors; ++v) sum[q][v] = Lanes::fma(weight, value[v], sum[q][v]);
    }
  }
  for (int q = 0; q < kQueries; ++q)
    for (int v = 0; v < kVectors; ++v) Lanes::store(to.sum(first + q) + dim + v * 16, sum[q][v]);
}

template <int kQueries, class Element>
void gather_block(const Tile& tile, const Gathered& to, const Block<Element>& block, std::int64_t first,
                  std::int64_t in_group) {
  std::int64_t dim = 0;
  if constexpr (Lanes::kValueVectors >= 2)
    for (; dim + 32 <= tile.layout.padded_dim; dim += 32)
      gather<kQueries, 2>(tile, to, block, first, in_group, dim);
  for (; dim < tile.layout.padded_dim; dim += 16) gather<kQueries, 1>(tile, to, block, first, in_group, dim);
}

// Calls body<kRest>(at) for rest = kRest.
template <int kRest, class Body>
void in_register_rest(std::int64_t rest, std::int64_t at, Body body) {
  if (rest == kRest) return body.template operator()<kRest>(at);
  if constexpr (kRest > 1) in_register_rest<kRest - 1>(rest, at, body);
}

// Calls body<kLargest>(at) for each whole register block of `count` queries, then one of exactly the rest's
// size.
template <int kLargest, class Body>
void in_register_blocks(std::int64_t count, Body body) {
  std::int64_t at = 0;
  for (; at + kLargest <= count; at += kLargest) body.template operator()<kLargest>(at);
  if constexpr (kLargest > 1) in_register_rest<kLargest - 1>(count - at, at, body);
}

template <class Element>
void attend_block(const Tile& tile, const Gathered& to, const Block<Element>& block) {
  for (std::int64_t group = 0; group < tile.queries; group += kGroupQueries) {
    const std::int64_t left = tile.queries - group, count = left < kGroupQueries ? left : kGroupQueries;
    if (tile.seen(group + count - 1, block.position) <= 0) continue;  // whole group out of sight
    in_register_blocks<Lanes::kScoreQueries>(
        count, [&]<int kQueries>(std::int64_t i) { weigh_block<kQueries>(tile, to, block, group + i, i); });
    in_register_blocks<Lanes::kValueQueries>(
        count, [&]<int kQueries>(std::int64_t i) { gather_block<kQueries>(tile, to, block, group + i, i); });
  }
}

// --- the block as f32, once for all queries of the tile ---

void widen(const std::uint16_t* from, float* to, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) Lanes::store(to + i, Lanes::load_f16(from + i));
  if (i < count) {
    std::uint16_t rest[16] = {};
    for (std::int64_t j = i; j < count; ++j) rest[j - i] = from[j];
    Lanes::store_part(to + i, Lanes::load_f16(rest), static_cast<int>(count - i));
  }
}

void copy(const float* from, float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// Values of slots >= written become 0, as do the dims of the padding: nobody sums what nobody wrote.
template <class Element, class Convert>
void load_values(const Tile& tile, const Element* from, std::int64_t written, Convert convert) {
  float* to = tile.scratch + tile.layout.values;
  const std::int64_t padded = tile.layout.padded_dim;
  for (std::int64_t token = 0; token < kBlock; ++token, from += tile.head_dim, to += padded) {
    const std::int64_t valid = token < written ? tile.head_dim : 0;
    if (valid > 0) convert(from, to, valid);
    for (std::int64_t d = valid; d < padded; ++d) to[d] = 0.0f;
  }
}

// Where one KV head's elements of a block begin.
template <class Element>
Element* of_head(const KvLayer& kv, std::byte* start, std::int64_t block, std::int64_t kv_head) {
  const std::int64_t at = block / kRunBlocks * kv.run_bytes + block % kRunBlocks * kv.block_bytes;
  return reinterpret_cast<Element*>(start + at) + kv_head * kv.head_dim * kBlock;
}

// The keys and values of block `at` of the row's table, where they stand.
template <class Element>
Block<Element> stored_block(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head,
                            std::int64_t at, std::int64_t next) {
  return {.position = at * kBlock,
          .keys = of_head<const Element>(kv, kv.keys, rows.blocks[at], kv_head),
          .values = of_head<const Element>(kv, kv.values, rows.blocks[at], kv_head),
          .value_stride = kv.head_dim,
          .next_keys = of_head<const Element>(kv, kv.keys, rows.blocks[next], kv_head),
          .next_values = of_head<const Element>(kv, kv.values, rows.blocks[next], kv_head)};
}

// Scores of slots >= written may be anything: weigh() replaces them.
Block<float> widened_block(const Tile& tile, const Block<std::uint16_t>& from, std::int64_t written) {
  float* keys = tile.scratch + tile.layout.keys;
  widen(from.keys, keys, tile.head_dim * kBlock);
  load_values(tile, from.values, written, widen);
  const float* values = tile.scratch + tile.layout.values;
  return {from.position, keys, values, tile.layout.padded_dim, keys, values};
}

// --- a tile from its queries to its output rows ---

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
    for (std::int64_t d = 0; d < tile.head_dim; ++d) tile.query(i)[d] = q[d] * rows.scale;
  }
}

void begin_part(const Tile& tile, const Gathered& to) {
  const Lanes::V zero = Lanes::set(0.0f);
  for (std::int64_t i = 0; i < tile.queries; ++i) {
    for (std::int64_t d = 0; d < tile.layout.padded_dim; d += 16) Lanes::store(to.sum(i) + d, zero);
    Lanes::store(to.weight_sum(i), zero);
    to.highest[i] = kNoScoreYet;
  }
}

// The tile's queries over the keys of one part.
void gather_part(const Tile& tile, const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head,
                 std::int64_t part, const Gathered& to) {
  begin_part(tile, to);
  const std::int64_t keys = tile.last_position() + 1, left = keys - part * kPartKeys;
  const std::int64_t first = part * (kPartKeys / kBlock),
                     end = first + ((left < kPartKeys ? left : kPartKeys) + kBlock - 1) / kBlock;
  for (std::int64_t at = first; at < end; ++at) {
    const std::int64_t written = keys - at * kBlock, next = at + 1 < end ? at + 1 : at;
    const bool whole = written >= kBlock && tile.layout.padded_dim == tile.head_dim;
    if (kv.dtype == DType::kF32) {
      Block<float> block = stored_block<float>(kv, rows, kv_head, at, next);
      if (!whole) {
        load_values(tile, block.values, written, copy);
        block.values = block.next_values = tile.scratch + tile.layout.values;
        block.value_stride = tile.layout.padded_dim;
      }
      attend_block(tile, to, block);
    } else {
      const auto block = stored_block<std::uint16_t>(kv, rows, kv_head, at, next);
      if (whole && tile.queries <= kFewQueries) {
        attend_block(tile, to, block);
      } else {
        attend_block(tile, to, widened_block(tile, block, written));
      }
    }
  }
}

// What all queries of the tile that see the part have gathered, with what they gathered before.
void merge_part(const Tile& tile, const Gathered& to, const Gathered& from, std::int64_t part) {
  for (std::int64_t i = 0; i < tile.queries; ++i) {
    if (tile.seen(i, part * kPartKeys) <= 0) continue;
    const float before = to.highest[i], other = from.highest[i];
    const bool rises = other > before;
    const Lanes::V factor = exp(Lanes::set(rises ? before - other : other - before));
    const Lanes::V one = Lanes::set(1.0f), keep = rises ? factor : one, take = rises ? one : factor;
    const auto merge = [&](float* sum, const float* more) {
      Lanes::store(sum, Lanes::fma(Lanes::load(more), take, Lanes::mul(Lanes::load(sum), keep)));
    };
    for (std::int64_t d = 0; d < tile.layout.padded_dim; d += 16) merge(to.sum(i) + d, from.sum(i) + d);
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
    for (std::int64_t d = 0; d < tile.head_dim; ++d) out[d] = from.sum(i)[d] * inverse;
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

// --- writing ---

// Half precision ends at 65504; a value beyond it is kept at the end rather than become infinite.
Lanes::V within_f16(Lanes::V value) {
  return Lanes::max(Lanes::set(-65504.0f), Lanes::min(Lanes::set(65504.0f), value));
}

void narrow(const float* from, std::uint16_t* to, std::int64_t stride, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += 16) {
    const int run = count - i < 16 ? static_cast<int>(count - i) : 16;
    const Lanes::V value = within_f16(run == 16 ? Lanes::load(from + i) : Lanes::load_part(from + i, run));
    std::uint16_t half[16];
    Lanes::store_f16(half, value);
    for (int j = 0; j < run; ++j) to[(i + j) * stride] = half[j];
  }
}

void store_kv(const KvLayer& kv, const KvSlot& at, const float* k, const float* v) {
  const std::int64_t dim = kv.head_dim;
  if (kv.dtype == DType::kF32) {
    float* keys = of_head<float>(kv, kv.keys, at.block, at.kv_head) + at.slot;
    for (std::int64_t d = 0; d < dim; ++d) keys[d * kBlock] = k[d];
    copy(v, of_head<float>(kv, kv.values, at.block, at.kv_head) + at.slot * dim, dim);
  } else {
    narrow(k, of_head<std::uint16_t>(kv, kv.keys, at.block, at.kv_head) + at.slot, kBlock, dim);
    narrow(v, of_head<std::uint16_t>(kv, kv.values, at.block, at.kv_head) + at.slot * dim, 1, dim);
  }
}

constexpr AttentionOps kAttentionByLanes = {store_kv, attend, attend_part, merge_parts, attend};

}  // namespace
}  // namespace atelier::kernels
