// Ops::prepare of tables that multiply bf16 as it is: pairs of bf16, blocked so that what a tile reads is
// contiguous.
#pragma once

#include "kernels/cpu/prepare_rows.h"

namespace atelier::kernels {
namespace {

inline void prepare_bf16(const float* x, std::int64_t x_stride, std::int64_t k, const Activations& out,
                         std::int64_t begin, std::int64_t end) {
  alignas(64) float padded[kGroup];
  const std::int64_t groups = out.cols / kGroup;
  for (std::int64_t row = begin; row < end; ++row) {
    std::uint16_t* to = out.bf16 + (row / out.block * groups * out.block + row % out.block) * kGroup;
    for (std::int64_t g = 0; g < groups; ++g, to += out.block * kGroup) {
      const float* group = whole_group(x + row * x_stride, k, g * kGroup, padded);
      store_bf16(to, round_to_bf16(load(group)));
      store_bf16(to + 16, round_to_bf16(load(group + 16)));
    }
  }
}

inline void prepare_with_bf16_pairs(const float* x, std::int64_t x_stride, std::int64_t k,
                                    ActivationForm form, const Activations& out, std::int64_t begin,
                                    std::int64_t end) {
  if (form == ActivationForm::kBF16) return prepare_bf16(x, x_stride, k, out, begin, end);
  prepare_with_f32_bf16(x, x_stride, k, form, out, begin, end);
}

}  // namespace
}  // namespace atelier::kernels
