// Ops::prepare: f32 rows into the form a kernel reads. Int8: per group of 32 the scale is amax / 127 and
// q = round(x * (127 / amax)), ties to even; every instruction set gives the same bits.
#pragma once

#include <cstdint>

#include "kernels/ops.h"

namespace atelier::kernels {
namespace {

// Below this a group counts as zero: 127 / amax must stay finite.
constexpr float kSmallestAmax = 1e-30f;

// Copies the last, partial group of a row into `padded` and returns it; else the row itself.
inline const float* whole_group(const float* row, std::int64_t k, std::int64_t at, float* padded) {
  if (at + kGroup <= k) return row + at;
  for (std::int64_t i = 0; i < kGroup; ++i) padded[i] = at + i < k ? row[at + i] : 0.0f;
  return padded;
}

inline void prepare_int8_group(const float* x, const Activations& out, std::int64_t at) {
  const F32 low = load(x), high = load(x + 16);
  const float amax = largest(max_magnitude(max_magnitude(splat(0.0f), low), high));
  const bool zero = amax < kSmallestAmax;
  const float scale = zero ? 0.0f : amax / 127.0f, inverse = zero ? 0.0f : 127.0f / amax;
  const I32 first = round_to_i8(mul(low, splat(inverse))), second = round_to_i8(mul(high, splat(inverse)));
  store_i8(out.q8 + at * kGroup, first);
  store_i8(out.q8 + at * kGroup + 16, second);
  const std::int32_t half_sum = total(first), sum = half_sum + total(second);
  out.scale[at] = scale;
  out.scaled_sum[at] = scale * static_cast<float>(sum);
  out.minus_sum[at] = -sum;
  out.minus_half_sum[at] = -half_sum;
}

inline void prepare_int8(const float* x, std::int64_t x_stride, std::int64_t k, const Activations& out,
                         std::int64_t begin, std::int64_t end) {
  alignas(64) float padded[kGroup];
  const std::int64_t groups = out.cols / kGroup;
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t first = row / out.block * groups * out.block + row % out.block;
    for (std::int64_t g = 0; g < groups; ++g) {
      const float* group = whole_group(x + row * x_stride, k, g * kGroup, padded);
      prepare_int8_group(group, out, first + g * out.block);
    }
  }
}

// kBf16: values rounded to bf16 and kept as f32, for tables that multiply them so.
template <bool kBf16>
inline void prepare_f32(const float* x, std::int64_t x_stride, std::int64_t k, const Activations& out,
                        std::int64_t begin, std::int64_t end) {
  alignas(64) float padded[kGroup];
  for (std::int64_t row = begin; row < end; ++row) {
    float* to = out.f32 + row * out.cols;
    for (std::int64_t at = 0; at < out.cols; at += kGroup) {
      const float* group = whole_group(x + row * x_stride, k, at, padded);
      const F32 low = load(group), high = load(group + 16);
      store(to + at, kBf16 ? round_to_bf16(low) : low);
      store(to + at + 16, kBf16 ? round_to_bf16(high) : high);
    }
  }
}

inline void prepare_with_f32_bf16(const float* x, std::int64_t x_stride, std::int64_t k, ActivationForm form,
                                  const Activations& out, std::int64_t begin, std::int64_t end) {
  if (form == ActivationForm::kInt8) return prepare_int8(x, x_stride, k, out, begin, end);
  if (form == ActivationForm::kBF16) return prepare_f32<true>(x, x_stride, k, out, begin, end);
  prepare_f32<false>(x, x_stride, k, out, begin, end);
}

}  // namespace
}  // namespace atelier::kernels
