// The KV store's blocks (KvLayer in ops.h), written once over Lanes: where one KV head's keys and values of a
// block stand, the same as f32, and how a token's get there. Include after one of the float_lanes_*.h.
#pragma once

#include "kernels/attention_ops.h"

namespace atelier::kernels {
namespace {

constexpr int kBlock = static_cast<int>(kBlockTokens);
static_assert(kBlock == 32);

// Attention fetches so many blocks ahead, into the second-level cache: into the first is 5-15 % slower,
// further ahead no faster.
constexpr std::int64_t kBlocksAhead = 1;

// One block's keys [head_dim][32] and values [32][value_stride], in the store or in scratch, and what to
// fetch meanwhile: as many bytes of a later block.
template <class Element>
struct Block {
  std::int64_t position;
  const Element *keys, *values;
  std::int64_t value_stride;
  const Element *later_keys, *later_values;
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
          .later_keys = of_head<const Element>(kv, kv.keys, rows.blocks[later], kv_head),
          .later_values = of_head<const Element>(kv, kv.values, rows.blocks[later], kv_head)};
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

void store_kv(const KvLayer& kv, const KvSlot& at, const float* k, const float* v) {
  const std::int64_t dim = kv.head_dim;
  if (kv.dtype == DType::kF32) {
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
