// The KV store's blocks (KvLayer in ops.h), written once over Lanes: where one KV head's keys and values of a
// block stand, and how a token's get there. Include after one of the float_lanes_*.h.
#pragma once

#include "kernels/attention_ops.h"

namespace atelier::kernels {
namespace {

constexpr int kBlock = static_cast<int>(kBlockTokens);
static_assert(kBlock == 32);

// Attention fetches so many blocks ahead, into the second-level cache: into the first is 5-15 % slower,
// further ahead no faster.
constexpr std::int64_t kBlocksAhead = 1;

constexpr int kScaleDims = static_cast<int>(kKvScaleDims);

// One block's keys [head_dim][32] and values [32][value_stride], in the store or in scratch, and what to
// fetch meanwhile: as many bytes of a later block.
template <class KvElement>
struct Block {
  using Element = KvElement;
  static constexpr bool kScaled = false;
  static constexpr std::int64_t kRowBytes = kBlock * sizeof(Element);  // to fetch for 32 elements
  std::int64_t position;
  const Element *keys, *values;
  std::int64_t value_stride;
  const std::byte *later_keys, *later_values;
  const std::byte* upcoming = nullptr;  // AttentionRows::upcoming; null: none
};

// The same in int8, or in f32 not yet scaled, with the scales [head_dim / 32][32] in f16. Slots >= written
// hold nothing: their values' scales are not to be read.
template <class KvElement>
struct ScaledBlock : Block<KvElement> {
  static constexpr bool kScaled = true;
  static constexpr std::int64_t kRowBytes = kBlock + kBlock / kScaleDims * sizeof(std::uint16_t);

  const std::uint16_t *key_scales, *value_scales;
  std::int64_t written;
};

// Where one KV head's elements of a block begin.
template <class Element>
Element* of_head(const KvLayer& kv, std::byte* start, std::int64_t block, std::int64_t kv_head) {
  const std::int64_t at = block / kRunBlocks * kv.run_bytes + block % kRunBlocks * kv.block_bytes;
  return reinterpret_cast<Element*>(start + at + kv_head * kv.head_bytes);
}

// The keys and values of block `at` of the row's table, where they stand; block `later` is wanted soon.
template <class Element>
Block<Element> stored_block(const KvLayer& kv, const AttentionRows& rows, std::int64_t kv_head,
                            std::int64_t at, std::int64_t later) {
  return {.position = at * kBlock,
          .keys = of_head<const Element>(kv, kv.keys, rows.blocks[at], kv_head),
          .values = of_head<const Element>(kv, kv.values, rows.blocks[at], kv_head),
          .value_stride = kv.head_dim,
          .later_keys = of_head<const std::byte>(kv, kv.keys, rows.blocks[later], kv_head),
          .later_values = of_head<const std::byte>(kv, kv.values, rows.blocks[later], kv_head)};
}

// The scales stand behind the int8 that they belong to.
const std::uint16_t* scales_behind(const std::int8_t* elements, std::int64_t head_dim) {
  return reinterpret_cast<const std::uint16_t*>(elements + head_dim * kBlock);
}

ScaledBlock<std::int8_t> scaled_block(const Block<std::int8_t>& block, std::int64_t head_dim,
                                      std::int64_t written) {
  return {block, scales_behind(block.keys, head_dim), scales_behind(block.values, head_dim), written};
}

// --- a block as f32 ---

void widen(const std::uint16_t* from, float* to, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) Lanes::store(to + i, Lanes::load_f16(from + i));
  if (i < count) {
    std::uint16_t rest[16] = {};
    for (std::int64_t j = i; j < count; ++j) rest[j - i] = from[j];
    Lanes::store_part(to + i, Lanes::load_f16(rest), static_cast<int>(count - i));
  }
}

void widen(const std::int8_t* from, float* to, std::int64_t count) {  // not scaled; whole sixteens
  for (std::int64_t i = 0; i < count; i += 16) Lanes::store(to + i, Lanes::load_i8(from + i));
}

void widen(const float* from, float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// Values of slots >= written become 0, as do the dims of the padding: nobody sums what nobody wrote.
template <class Element>
void widen_values(const Element* from, std::int64_t head_dim, std::int64_t written, std::int64_t padded,
                  float* to) {
  for (std::int64_t token = 0; token < kBlock; ++token, from += head_dim, to += padded) {
    const std::int64_t valid = token < written ? head_dim : 0;
    if (valid > 0) widen(from, to, valid);
    for (std::int64_t d = valid; d < padded; ++d) to[d] = 0.0f;
  }
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

// The largest magnitude of 32 values. What is no number does not count, and infinity as the largest that a
// scale in f16 reaches.
float largest_magnitude(Lanes::V low, Lanes::V high) {
  const Lanes::V zero = Lanes::set(0.0f);
  Lanes::V largest = Lanes::max(Lanes::max(low, Lanes::sub(zero, low)), zero);
  largest = Lanes::max(Lanes::max(high, Lanes::sub(zero, high)), largest);
  return Lanes::fold_max(Lanes::min(largest, Lanes::set(127.0f * 65504.0f)));
}

// The nearest whole numbers within +-127, ties to even; what is no number becomes 127.
void round_to_i8(Lanes::V value, std::int8_t* to, std::int64_t stride) {
  const Lanes::V bounded = Lanes::max(Lanes::min(value, Lanes::set(127.0f)), Lanes::set(-127.0f));
  float sum[16];  // 1.5 2^23 + n: the low byte is n
  Lanes::store(sum, Lanes::add(bounded, Lanes::set(12582912.0f)));
  for (int i = 0; i < 16; ++i) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, sum + i, sizeof bits);
    to[i * stride] = static_cast<std::int8_t>(bits & 0xffu);
  }
}

// x ~ int8 x scale, for 32 values: the largest becomes +-127.
void quantise(const float* x, std::int8_t* to, std::int64_t stride, std::uint16_t* scale) {
  const Lanes::V low = Lanes::load(x), high = Lanes::load(x + 16);
  std::uint16_t half[16];
  Lanes::store_f16(half, Lanes::set(largest_magnitude(low, high) / 127.0f));
  *scale = half[0];
  const float kept = Lanes::first(Lanes::load_f16(half));
  const Lanes::V inverse = Lanes::set(kept > 0.0f ? 1.0f / kept : 0.0f);
  round_to_i8(Lanes::mul(low, inverse), to, stride);
  round_to_i8(Lanes::mul(high, inverse), to + 16 * stride, stride);
}

void store_int8(const KvLayer& kv, const KvSlot& at, const float* k, const float* v) {
  static_assert(kScaleDims == 32);
  const std::int64_t dim = kv.head_dim;
  std::int8_t *keys = of_head<std::int8_t>(kv, kv.keys, at.block, at.kv_head),
              *values = of_head<std::int8_t>(kv, kv.values, at.block, at.kv_head);
  auto *key_scales = reinterpret_cast<std::uint16_t*>(keys + dim * kBlock),
       *value_scales = reinterpret_cast<std::uint16_t*>(values + dim * kBlock);
  for (std::int64_t d = 0; d < dim; d += kScaleDims) {
    const std::int64_t scale = d / kScaleDims * kBlock + at.slot;
    quantise(k + d, keys + d * kBlock + at.slot, kBlock, key_scales + scale);
    quantise(v + d, values + at.slot * dim + d, 1, value_scales + scale);
  }
}

void store_kv(const KvLayer& kv, const KvSlot& at, const float* k, const float* v) {
  const std::int64_t dim = kv.head_dim;
  if (kv.dtype == DType::kQ8_0) {
    store_int8(kv, at, k, v);
  } else if (kv.dtype == DType::kF32) {
    float* keys = of_head<float>(kv, kv.keys, at.block, at.kv_head) + at.slot;
    for (std::int64_t d = 0; d < dim; ++d) keys[d * kBlock] = k[d];
    widen(v, of_head<float>(kv, kv.values, at.block, at.kv_head) + at.slot * dim, dim);
  } else {
    narrow(k, of_head<std::uint16_t>(kv, kv.keys, at.block, at.kv_head) + at.slot, kBlock, dim);
    narrow(v, of_head<std::uint16_t>(kv, kv.values, at.block, at.kv_head) + at.slot * dim, 1, dim);
  }
}

}  // namespace
}  // namespace atelier::kernels
