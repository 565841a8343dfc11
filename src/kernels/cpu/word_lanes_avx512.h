// Whole numbers of 16 bits in the lanes of AVX-512 with VNNI. Meaning and rounding: word_lanes_scalar.h.
// Include after float_lanes_avx512.h.
#pragma once

#include <cstddef>

namespace atelier::kernels {
namespace {

struct Words {
  using V = __m512i;
  static constexpr int kRows = 16;  // side by side

  static V zero() { return _mm512_setzero_si512(); }
  static V load(const std::byte* from) { return _mm512_load_si512(from); }
  static V dot(V sum, V b, const std::byte* a) {
    std::int32_t pair;
    __builtin_memcpy(&pair, a, sizeof pair);
    return _mm512_dpwssd_epi32(sum, b, _mm512_set1_epi32(pair));
  }
  static Lanes::V to_float(V a) { return _mm512_cvtepi32_ps(a); }
};

inline Lanes::V word_row(Lanes::V first, Lanes::V second) {
  const __m256i low = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(first)),
                high = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(second));
  return _mm512_castsi512_ps(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
}

inline Lanes::V word_pairs(Lanes::V even, Lanes::V odd) {
  const __m512i low = _mm512_cvtps_epi32(even), high = _mm512_slli_epi32(_mm512_cvtps_epi32(odd), 16);
  return _mm512_castsi512_ps(_mm512_mask_mov_epi16(low, 0xaaaaaaaau, high));
}

}  // namespace
}  // namespace atelier::kernels
