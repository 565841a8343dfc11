// Weights as bf16 pairs: a line of 64 bytes holds two consecutive k of 16 rows. By columns, two columns of 16
// rows are dequantised, rounded and interleaved. By rows (kPairsByRows of the including ISA file), 8 rows
// with two k each fill a register, so that they stand in their place already: a third fewer instructions.
#pragma once

#include "kernels/cpu/unpack_group.h"

namespace atelier::kernels {
namespace {

// What lifts an unsigned number into a float. Scale times this and the kind's offset is exact, too: an f16
// scale has 11 bits, one of 6 to 8 bits more stands with a lift of 128.
template <DType kKind>
constexpr int kLiftOf = panel_layout(kKind).max_value < 128 ? 128 : 32768;

// How a half of the rows of a group is dequantised: w = scale * (lift + u) + base, whose products are exact,
// so that w is rounded once; with a min, w = scale * u + base.
struct PairScales {
  F32 scale, base;
};

template <DType kKind, int kHalf>
inline PairScales pair_scales(const RecordScales& scales, const std::uint8_t* record, std::int64_t g,
                              int half_group) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  const F32 scale = group_scale<kKind>(scales, record, g, half_group);
  if constexpr (kLayout.has_min)
    return {each_twice<kHalf>(scale), each_twice<kHalf>(group_min<kKind>(scales, record, g, half_group))};
  return {each_twice<kHalf>(scale),
          each_twice<kHalf>(negate(mul(scale, splat(static_cast<float>(kLiftOf<kKind> + kLayout.offset)))))};
}

template <DType kKind, int kHalf, int kPair>
inline F32 dequantised_pairs(const Quad& w, const PairScales& by) {
  F32 value = lifted_pairs<kLiftOf<kKind>, kHalf, kPair>(w);
  if constexpr (panel_layout(kKind).has_min) value = add(value, splat(-static_cast<float>(kLiftOf<kKind>)));
  return fused(by.scale, value, by.base);
}

// Group g of a record as 16 lines of pairs.
template <DType kKind>
inline void unpack_pairs(const std::uint8_t* record, std::int64_t g, const RecordScales& scales,
                         std::uint8_t* to) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  if constexpr (!kPairsByRows || kLayout.scale_form == ScaleForm::kNone) {
    unpack_columns<kKind>(record, g, scales, [to](int k, F32 even, F32 odd) {
      store_quad(to + k * 32, rounded_pairs(even, odd));
    });
  } else {
    Quad w[8];
    unpack_quads<kKind>(record, g, w);
    if constexpr (kSignedBytes && kLayout.max_value == 255) {
      for (int q = 0; q < 8; ++q) w[q] = flip_sign_bits(w[q]);
    }
    PairScales low = pair_scales<kKind, 0>(scales, record, g, 0);
    PairScales high = pair_scales<kKind, 1>(scales, record, g, 0);
    for (int q = 0; q < 8; ++q, to += 128) {
      if (kLayout.halves && q == 4) {
        low = pair_scales<kKind, 0>(scales, record, g, 1);
        high = pair_scales<kKind, 1>(scales, record, g, 1);
      }
      store_quad(to, rounded_row(dequantised_pairs<kKind, 0, 0>(w[q], low),
                                 dequantised_pairs<kKind, 1, 0>(w[q], high)));
      store_quad(to + 64, rounded_row(dequantised_pairs<kKind, 0, 1>(w[q], low),
                                      dequantised_pairs<kKind, 1, 1>(w[q], high)));
    }
  }
}

}  // namespace
}  // namespace atelier::kernels
