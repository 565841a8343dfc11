// Attention over one block of keys, written once over Lanes: scores, the running softmax's weights, sums of
// weight x value. Include after one of the float_lanes_*.h.
//
// A query's arithmetic does not depend on its company: all 32 slots of a block are summed in order, and a
// slot the query may not see weighs exactly 0 (its value is 0 where nothing was written yet).
#pragma once

#include "kernels/cpu/float_lanes_math.h"
#include "kernels/cpu/kv_blocks.h"

namespace atelier::kernels {
namespace {

constexpr int kGroup = static_cast<int>(kGroupQueries);
static_assert(kGroup % Lanes::kScoreQueries == 0 && kGroup % Lanes::kValueQueries == 0);

constexpr float kUnseen = -__builtin_inff();
constexpr float kNoScoreYet = -1e30f;  // finite: differences stay numbers

// What `queries` have gathered over some keys: [padded_dim / 16][queries][16] sums of weight x value,
// [queries][16] sums of weights, one per lane, [queries] highest score.
struct Gathered {
  float *sums, *weight_sums, *highest;
  std::int64_t queries;

  Gathered(float* memory, std::int64_t padded_dim, std::int64_t count)
      : sums(memory),
        weight_sums(memory + count * padded_dim),
        highest(memory + count * (padded_dim + 16)),
        queries(count) {}
  float* sum(std::int64_t i, std::int64_t dim) const { return sums + dim * queries + i * 16; }
  float* weight_sum(std::int64_t i) const { return weight_sums + i * 16; }
};

// The tile at work: where its parts are in scratch, and which keys its queries see.
struct Tile {
  AttentionScratch layout;
  float* scratch;
  std::int64_t head_dim, heads_per_kv;
  std::int64_t first_position;  // of row 0
  std::int64_t queries;         // rows x heads_per_kv, row by row

  // Query i's element 0; the next one stands kGroup further, so that a group's lie side by side.
  float* query(std::int64_t i) const {
    return scratch + layout.queries + i / kGroup * kGroup * head_dim + i % kGroup;
  }
  float* weights(std::int64_t in_group) const { return scratch + layout.weights + in_group * kBlock; }
  float* scaled_weights() const { return scratch + layout.scaled_weights; }
  float* shrink() const { return scratch + layout.shrink; }
  std::int64_t last_position() const { return first_position + (queries - 1) / heads_per_kv; }

  // How many slots of the block that begins at `block_position` query i sees; may be negative or over 32.
  std::int64_t seen(std::int64_t i, std::int64_t block_position) const {
    return first_position + i / heads_per_kv + 1 - block_position;
  }
};

Lanes::V load(const float* from) {
  return Lanes::load(from);
}
Lanes::V load(const std::uint16_t* from) {
  return Lanes::load_f16(from);
}
Lanes::V load(const std::int8_t* from) {
  return Lanes::load_i8(from);
}

// sum += *one x vectors, for query q of a register block. With AVX-512 every other query's number is
// broadcast by the multiplications themselves: a broadcast of its own holds up Zen 4's multipliers (7 queries
// x 2 vectors in 16.6 cycles, so in 14.0), and from memory for every query would be two loads a cycle, all
// that Intel has.
template <int kVectors>
void multiply_add(Lanes::V* sum, int q, const float* one, const Lanes::V* vectors) {
  if (q % 2 == 0) {
    for (int v = 0; v < kVectors; ++v) sum[v] = Lanes::fma_one(one, vectors[v], sum[v]);
  } else {
    const Lanes::V all = Lanes::set(*one);
    for (int v = 0; v < kVectors; ++v) sum[v] = Lanes::fma(all, vectors[v], sum[v]);
  }
}

// Scores of kQueries queries with the block's 32 keys, lanes = keys: no horizontal sum. A scale is multiplied
// with the sum over its 32 dims. One function, whose sums are its own: handed from another they went through
// memory in every turn of the loop, and f16 lost a tenth.
template <int kQueries, class AnyBlock>
void score(const Tile& tile, const AnyBlock& block, std::int64_t first, std::int64_t in_group) {
  const std::int64_t run = AnyBlock::kScaled ? kScaleDims : tile.head_dim;
  const float* query = tile.query(first);
  const typename AnyBlock::Element* key = block.keys;
  const std::byte* here = reinterpret_cast<const std::byte*>(key);
  const std::byte* later = in_group == 0 ? block.later_keys : here;
  const std::byte* upcoming = in_group == 0 && block.upcoming != nullptr ? block.upcoming : here;
  for (std::int64_t dim = 0; dim < tile.head_dim; dim += run) {
    Lanes::V sum[kQueries][2];
    for (int q = 0; q < kQueries; ++q) sum[q][0] = sum[q][1] = Lanes::set(0.0f);
    for (std::int64_t d = 0; d < run; ++d, key += kBlock, query += kGroup) {
      const Lanes::V keys[2] = {Lanes::fetch_after(load(key), later),
                                Lanes::fetch_after(load(key + 16), upcoming)};
      later += AnyBlock::kRowBytes;
      upcoming += kLineBytes;
      for (int q = 0; q < kQueries; ++q) multiply_add<2>(sum[q], q, query + q, keys);
    }
    for (int half = 0; half < 2; ++half) {
      Lanes::V scale = Lanes::set(1.0f);
      if constexpr (AnyBlock::kScaled)
        scale = Lanes::load_f16(block.key_scales + dim / kScaleDims * kBlock + half * 16);
      for (int q = 0; q < kQueries; ++q) {
        float* to = tile.weights(in_group + q) + half * 16;
        if constexpr (AnyBlock::kScaled) {
          const Lanes::V before = dim == 0 ? Lanes::set(0.0f) : Lanes::load(to);
          sum[q][half] = Lanes::fma(sum[q][half], scale, before);
        }
        Lanes::store(to, sum[q][half]);
      }
    }
  }
}

// A step of the running softmax for `count` queries from `first` on: scores become weights, highest scores
// and sums of weights go on, and shrink says by how much what was gathered before shrinks. No branch: whether
// a block brings a higher score cannot be foretold.
void weigh(const Tile& tile, const Gathered& to, std::int64_t first, std::int64_t count,
           std::int64_t position) {
  alignas(64) float falls[16] = {};  // old highest - new highest
  for (std::int64_t q = 0; q < count; ++q) {
    float* weights = tile.weights(q);
    const std::int64_t seen = tile.seen(first + q, position);
    Lanes::V low = Lanes::load(weights), high = Lanes::load(weights + 16);
    if (seen < kBlock) {
      const int visible = seen < 0 ? 0 : static_cast<int>(seen);
      low = Lanes::keep_first(low, visible, kUnseen);
      high = Lanes::keep_first(high, visible - 16, kUnseen);
    }
    const float before = to.highest[first + q], in_block = Lanes::fold_max(Lanes::max(low, high));
    const float now = in_block > before ? in_block : before;
    falls[q] = before - now;
    to.highest[first + q] = now;
    Lanes::store(weights, Lanes::sub(low, Lanes::set(now)));
    Lanes::store(weights + 16, Lanes::sub(high, Lanes::set(now)));
  }
  using Four = Abreast<4>;
  for (std::int64_t q = 0; q + 2 <= count; q += 2)
    Four::store(tile.weights(q), 16, exp_of_fall<Four>(Four::load(tile.weights(q), 16)));
  if (count % 2 != 0) {
    using Two = Abreast<2>;
    Two::store(tile.weights(count - 1), 16, exp_of_fall<Two>(Two::load(tile.weights(count - 1), 16)));
  }
  Lanes::store(tile.shrink(), exp_of_fall<Lanes>(Lanes::load(falls)));
  for (std::int64_t q = 0; q < count; ++q) {
    float* sum = to.weight_sum(first + q);
    const Lanes::V more = Lanes::add(Lanes::load(tile.weights(q)), Lanes::load(tile.weights(q) + 16));
    Lanes::store(sum, Lanes::fma(Lanes::load(sum), Lanes::set(tile.shrink()[q]), more));
  }
}

// The weights that `dim`'s values are multiplied with.
template <int kQueries, class Element>
const float* weights_of(const Tile& tile, const Block<Element>&, std::int64_t in_group, std::int64_t) {
  return tile.weights(in_group);
}

// The same with the values' scales in them. Made anew where `dim` begins new scales.
template <int kQueries, class Element>
const float* weights_of(const Tile& tile, const ScaledBlock<Element>& block, std::int64_t in_group,
                        std::int64_t dim) {
  float* scaled = tile.scaled_weights();
  if (dim % kScaleDims != 0) return scaled;
  const std::uint16_t* scales = block.value_scales + dim / kScaleDims * kBlock;
  for (int half = 0; half < 2; ++half) {
    Lanes::V scale = Lanes::load_f16(scales + half * 16);
    if (block.written < kBlock)
      scale = Lanes::keep_first(scale, static_cast<int>(block.written) - half * 16, 0.0f);
    for (int q = 0; q < kQueries; ++q) {
      const Lanes::V weight = Lanes::load(tile.weights(in_group + q) + half * 16);
      Lanes::store(scaled + q * kBlock + half * 16, Lanes::mul(weight, scale));
    }
  }
  return scaled;
}

// sums = sums x shrink + weights x values for kVectors x 16 dims from `dim` on.
template <int kQueries, int kVectors, class AnyBlock>
void gather(const Tile& tile, const Gathered& to, const AnyBlock& block, std::int64_t first,
            std::int64_t in_group, std::int64_t dim) {
  float* sums[kVectors];
  for (int v = 0; v < kVectors; ++v) sums[v] = to.sum(first, dim + v * 16);
  const float* shrink = tile.shrink() + in_group;
  Lanes::V sum[kQueries][kVectors];
  for (int q = 0; q < kQueries; ++q)
    for (int v = 0; v < kVectors; ++v)
      sum[q][v] = Lanes::mul(Lanes::load(sums[v] + q * 16), Lanes::set(shrink[q]));
  const typename AnyBlock::Element* value = block.values + dim;
  const std::byte* later =
      (in_group == 0 ? block.later_values : reinterpret_cast<const std::byte*>(block.values)) +
      dim * AnyBlock::kRowBytes;
  const float* weights = weights_of<kQueries>(tile, block, in_group, dim);
  constexpr std::int64_t kFetched = kVectors * 16 * AnyBlock::kRowBytes / kBlock;
  for (int token = 0; token < kBlock; ++token, value += block.value_stride, later += kFetched) {
    Lanes::V element[kVectors];
    for (int v = 0; v < kVectors; ++v) element[v] = load(value + v * 16);
    element[0] = Lanes::fetch_after(element[0], later);
    for (int q = 0; q < kQueries; ++q)
      multiply_add<kVectors>(sum[q], q, weights + q * kBlock + token, element);
  }
  for (int q = 0; q < kQueries; ++q)
    for (int v = 0; v < kVectors; ++v) Lanes::store(sums[v] + q * 16, sum[q][v]);
}

template <int kQueries, class AnyBlock>
void gather_all_dims(const Tile& tile, const Gathered& to, const AnyBlock& block, std::int64_t first,
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

template <class AnyBlock>
void attend_block(const Tile& tile, const Gathered& to, const AnyBlock& block) {
  for (std::int64_t group = 0; group < tile.queries; group += kGroup) {
    const std::int64_t left = tile.queries - group, count = left < kGroup ? left : kGroup;
    if (tile.seen(group + count - 1, block.position) <= 0) continue;  // whole group out of sight
    in_register_blocks<Lanes::kScoreQueries>(
        count, [&]<int kQueries>(std::int64_t i) { score<kQueries>(tile, block, group + i, i); });
    weigh(tile, to, group, count, block.position);
    in_register_blocks<Lanes::kValueQueries>(count, [&]<int kQueries>(std::int64_t i) {
      gather_all_dims<kQueries>(tile, to, block, group + i, i);
    });
  }
}

}  // namespace
}  // namespace atelier::kernels
