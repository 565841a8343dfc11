// One group of 32 k of a panel out of its planes: as quads of bytes for integer products, as f32 columns for
// the float paths. Written over the lanes of the including ISA file.
#pragma once

#include <cstdint>

#include "kernels/panel_layout.h"

namespace atelier::kernels {
namespace {

// What is taken off the integer sum after dot(): 0 where the bytes are signed already.
template <DType kKind>
constexpr int kOffsetOf =
    kSignedBytes && panel_layout(kKind).max_value == 255 ? 0 : panel_layout(kKind).offset;

// The 8 quads of group g: unsigned values, except bytes of full range where dot() wants them signed.
template <DType kKind>
inline void unpack_quads(const std::uint8_t* record, std::int64_t g, Quad* w) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  if constexpr (kLayout.bytes_stride > 0) {
    const std::uint8_t* bytes = record + kLayout.bytes + g * kLayout.bytes_stride;
    for (int q = 0; q < 8; ++q) w[q] = load_quad(bytes + q * 64);
    if constexpr (!kSignedBytes) {
      for (int q = 0; q < 8; ++q) w[q] = flip_sign_bits(w[q]);
    }
    return;
  }
  if constexpr (kLayout.nibbles_stride > 0) {
    const std::uint8_t* nibbles = record + kLayout.nibbles + g * kLayout.nibbles_stride;
    for (int v = 0; v < 4; ++v) {
      const Quad line = load_quad(nibbles + v * 64);
      w[v] = low_nibbles(line);
      w[v + 4] = high_nibbles(line);
    }
  } else {
    for (int q = 0; q < 8; ++q) w[q] = zero_quad();
  }
  if constexpr (kLayout.lookup) {
    for (int q = 0; q < 8; ++q) w[q] = iq4_values(w[q]);
    if constexpr (kSignedBytes) {
      for (int q = 0; q < 8; ++q) w[q] = flip_sign_bits(w[q]);
    }
  }
  if constexpr (kLayout.pairs_stride > 0) {
    const std::uint8_t* pairs = record + kLayout.pairs + g * kLayout.pairs_stride;
    constexpr int kTo = kLayout.nibbles_stride > 0 ? 4 : 0;
    for (int h = 0; h < 2; ++h) {
      const Quad line = load_quad(pairs + h * 64);
      w[4 * h] = with_field<0, kTo>(w[4 * h], line);
      w[4 * h + 1] = with_field<1, kTo>(w[4 * h + 1], line);
      w[4 * h + 2] = with_field<2, kTo>(w[4 * h + 2], line);
      w[4 * h + 3] = with_field<3, kTo>(w[4 * h + 3], line);
    }
  }
  if constexpr (kLayout.bits_stride > 0) {
    const Quad line = load_quad(record + kLayout.bits + g * kLayout.bits_stride);
    constexpr int kTo = kLayout.nibbles_stride > 0 ? 4 : 2;
    w[0] = with_bit<0, kTo>(w[0], line);
    w[1] = with_bit<1, kTo>(w[1], line);
    w[2] = with_bit<2, kTo>(w[2], line);
    w[3] = with_bit<3, kTo>(w[3], line);
    w[4] = with_bit<4, kTo>(w[4], line);
    w[5] = with_bit<5, kTo>(w[5], line);
    w[6] = with_bit<6, kTo>(w[6], line);
    w[7] = with_bit<7, kTo>(w[7], line);
  }
}

// The f16 scales a whole record shares, as f32; dmin negated, so that a min is always added.
struct RecordScales {
  F32 d, minus_dmin;
};

template <DType kKind>
inline RecordScales record_scales(const std::uint8_t* record) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  RecordScales out = {splat(0.0f), splat(0.0f)};
  if constexpr (kLayout.scale_form != ScaleForm::kHalf) {
    out.d = from_halves(record + kLayout.d);
    if constexpr (kLayout.has_min) out.minus_dmin = negate(from_halves(record + kLayout.dmin));
  }
  return out;
}

// Of half group `half` where the kind has scales per 16, else of the group.
template <DType kKind>
inline F32 group_scale(const RecordScales& scales, const std::uint8_t* record, std::int64_t g, int half) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  const std::uint8_t* at = record + kLayout.scales;
  if constexpr (kLayout.scale_form == ScaleForm::kHalf) {
    return from_halves(at + g * 32);
  } else if constexpr (kLayout.scale_form == ScaleForm::kByte) {
    return mul(scales.d, from_bytes(at + g * 16));
  } else if constexpr (kLayout.scale_form == ScaleForm::kSignedByte) {
    return mul(scales.d, from_signed_bytes(at + (2 * g + half) * 16));
  } else {
    return mul(scales.d, from_low_nibbles(at + (2 * g + half) * 16));
  }
}

template <DType kKind>
inline F32 group_min(const RecordScales& scales, const std::uint8_t* record, std::int64_t g, int half) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  const std::uint8_t* at = record + kLayout.mins;
  if constexpr (kLayout.scale_form == ScaleForm::kHalf) {
    return from_halves(at + g * 32);
  } else if constexpr (kLayout.scale_form == ScaleForm::kByte) {
    return mul(scales.minus_dmin, from_bytes(at + g * 16));
  } else {
    return mul(scales.minus_dmin, from_high_nibbles(at + (2 * g + half) * 16));
  }
}

// ---- f32 columns: out [32][16] ----

// w = d * u + min, or d * (u - offset) as d * (256 + u) - d * (256 + offset): both products are exact, so w
// is rounded once, as the file's reference rounds it. `base`: the min, or the second product.
template <DType kKind, int kByte>
inline F32 dequantised(const Quad& quad, const F32& scale, const F32& base) {
  if constexpr (panel_layout(kKind).has_min) return fused(scale, to_f32(column<kByte>(quad)), base);
  return fused(scale, lifted_column<kByte>(quad), base);
}

template <DType kKind>
inline F32 dequantised_base(const RecordScales& scales, const std::uint8_t* record, std::int64_t g, int half,
                            const F32& scale) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  if constexpr (kLayout.has_min) return group_min<kKind>(scales, record, g, half);
  return negate(mul(scale, splat(256.0f + kLayout.offset)));
}

// The columns of a group, two at a time: take(k, column k, column k + 1).
template <DType kKind, class Take>
inline void unpack_columns(const std::uint8_t* record, std::int64_t g, const RecordScales& scales,
                           const Take& take) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  if constexpr (kKind == DType::kF32) {
    const auto* columns = reinterpret_cast<const float*>(record);
    for (int k = 0; k < 32; k += 2) take(k, load(columns + k * 16), load(columns + k * 16 + 16));
  } else if constexpr (kKind == DType::kF16) {
    for (int k = 0; k < 32; k += 2) take(k, from_halves(record + k * 32), from_halves(record + k * 32 + 32));
  } else if constexpr (kKind == DType::kBF16) {
    for (int k = 0; k < 32; k += 2) {
      const Quad both = load_quad(record + k * 32);
      take(k, first_of_pairs(both), second_of_pairs(both));
    }
  } else {
    Quad w[8];
    unpack_quads<kKind>(record, g, w);
    if constexpr (kSignedBytes && kLayout.max_value == 255) {
      for (int q = 0; q < 8; ++q) w[q] = flip_sign_bits(w[q]);
    }
    F32 scale = group_scale<kKind>(scales, record, g, 0);
    F32 base = dequantised_base<kKind>(scales, record, g, 0, scale);
    for (int q = 0; q < 8; ++q) {
      if constexpr (kLayout.halves) {
        if (q == 4) {
          scale = group_scale<kKind>(scales, record, g, 1);
          base = dequantised_base<kKind>(scales, record, g, 1, scale);
        }
      }
      take(4 * q, dequantised<kKind, 0>(w[q], scale, base), dequantised<kKind, 1>(w[q], scale, base));
      take(4 * q + 2, dequantised<kKind, 2>(w[q], scale, base), dequantised<kKind, 3>(w[q], scale, base));
    }
  }
}

template <DType kKind, bool kBf16>
inline void unpack_floats(const std::uint8_t* record, std::int64_t g, const RecordScales& scales,
                          float* out) {
  unpack_columns<kKind>(record, g, scales, [out](int k, F32 first, F32 second) {
    store(out + k * 16, kBf16 ? round_to_bf16(first) : first);
    store(out + k * 16 + 16, kBf16 ? round_to_bf16(second) : second);
  });
}

}  // namespace
}  // namespace atelier::kernels
