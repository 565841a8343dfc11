// Ops::prepare of tables that multiply bf16 as it is: pairs of bf16, blocked so that what a tile reads is
// contiguous.
#pragma once

#include "kernels/cpu/prepare_rows.h"

namespace atelier::kernels {
namespace {

inline void prepare_bf16(const RowsToPrepare& from, const Activations& out) {
  alignas(64) float padded[kGroup];
  const std::int64_t groups = out.cols / kGroup, first_group = from.first_column / kGroup;
  for (std::int64_t i = 0; i < from.rows; ++i) {
    const std::int64_t row = from.first_row + i;
    std::uint16_t* to =
        out.bf16 + ((row / kBlockRows * groups + first_group) * out.block + row % kBlockRows) * kGroup;
    for (std::int64_t at = 0; at < from.columns; at += kGroup, to += out.block * kGroup) {
      const float* group = whole_group(from.x + i * from.stride, from.columns, at, padded);
      store_bf16(to, round_to_bf16(load(group)));
      store_bf16(to + 16, round_to_bf16(load(group + 16)));
    }
  }
}

inline void prepare_with_bf16_pairs(const RowsToPrepare& from, ActivationForm form, const Activations& out) {
  if (form == ActivationForm::kBF16) return prepare_bf16(from, out);
  prepare_with_f32_bf16(from, form, out);
}

}  // namespace
}  // namespace atelier::kernels
