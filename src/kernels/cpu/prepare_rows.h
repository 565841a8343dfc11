// Ops::prepare: f32 rows into the form a kernel reads. Int8: per group of 32 the scale is amax / 127 and
// q = round(x * (127 / amax)), ties to even; every instruction set gives the same bits.
#pragma once

#include <cstdint>

#include "kernels/ops.h"

namespace atelier::kernels {
namespace {

// Copies the last, partial group of a row into `padded` and returns it; else the row itself.
inline const float* whole_group(const float* row, std::int64_t k, std::int64_t at, float* padded) {
  if (at + kGroup <= k) return row + at;
  for (std::int64_t i = 0; i < kGroup; ++i) padded[i] = at + i < k ? row[at + i] : 0.0f;
  return padded;
}

// 16 groups, the lanes of one register, or fewer; their scales are divided out all at once.
inline void prepare_int8_groups(const float* x, std::int64_t count, const Activations& out, std::int64_t at) {
  alignas(64) float amax[16] = {}, scale[16], inverse[16];
  for (std::int64_t g = 0; g < count; ++g) {
    const F32 low = load(x + g * kGroup), high = load(x + g * kGroup + 16);
    amax[g] = largest(max_magnitude(max_magnitude(splat(0.0f), low), high));
  }
  for (int g = 0; g < 16; ++g) {
    const float divisor = amax[g] < kSmallestAmax ? 1.0f : amax[g];
    const float used = amax[g] < kSmallestAmax ? 0.0f : 1.0f;
    scale[g] = used * (divisor / 127.0f);
    inverse[g] = used * (127.0f / divisor);
  }
  for (std::int64_t g = 0; g < count; ++g, at += out.block) {
    const F32 factor = splat(inverse[g]);
    const I32 first = round_to_i8(mul(load(x + g * kGroup), factor));
    const I32 second = round_to_i8(mul(load(x + g * kGroup + 16), factor));
    const HalfSums sums = store_i8(out.q8 + at * kGroup, first, second);
    const std::int32_t sum = sums.first + sums.second;
    out.scale[at] = scale[g];
    out.scaled_sum[at] = scale[g] * static_cast<float>(sum);
    out.minus_sum[at] = -sum;
    out.minus_half_sum[at] = -sums.first;
  }
}

inline void prepare_int8(const RowsToPrepare& all, const Activations& out) {
  const RowsToPrepare from = prepare_int8_blocks(all, out);
  alignas(64) float padded[kGroup];
  const std::int64_t groups = out.cols / kGroup, whole = from.columns / kGroup;
  for (std::int64_t i = 0; i < from.rows; ++i) {
    const std::int64_t row = from.first_row + i, first_group = from.first_column / kGroup;
    const std::int64_t first = (row / kBlockRows * groups + first_group) * out.block + row % kBlockRows;
    const float* x = from.x + i * from.stride;
    for (std::int64_t g = 0; g < whole; g += 16) {
      const std::int64_t count = g + 16 < whole ? 16 : whole - g;
      prepare_int8_groups(x + g * kGroup, count, out, first + g * out.block);
    }
    if (whole * kGroup < from.columns)
      prepare_int8_groups(whole_group(x, from.columns, whole * kGroup, padded), 1, out,
                          first + whole * out.block);
  }
}

// kBf16: values rounded to bf16 and kept as f32, for tables that multiply them so.
template <bool kBf16>
inline void prepare_f32(const RowsToPrepare& from, const Activations& out) {
  alignas(64) float padded[kGroup];
  for (std::int64_t i = 0; i < from.rows; ++i) {
    float* to = out.f32 + (from.first_row + i) * out.cols + from.first_column;
    for (std::int64_t at = 0; at < from.columns; at += kGroup) {
      const float* group = whole_group(from.x + i * from.stride, from.columns, at, padded);
      const F32 low = load(group), high = load(group + 16);
      store(to + at, kBf16 ? round_to_bf16(low) : low);
      store(to + at + 16, kBf16 ? round_to_bf16(high) : high);
    }
  }
}

inline void prepare_with_f32_bf16(const RowsToPrepare& from, ActivationForm form, const Activations& out) {
  if (form == ActivationForm::kInt8) return prepare_int8(from, out);
  if (form == ActivationForm::kBF16) return prepare_f32<true>(from, out);
  prepare_f32<false>(from, out);
}

}  // namespace
}  // namespace atelier::kernels
