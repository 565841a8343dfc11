// Pairs of bf16 in the lanes of AVX-512 with bf16 conversions. Meaning and rounding: pair_lanes_scalar.h.
// Include after float_lanes_avx512.h, in attention_amx.cpp and nowhere else.
#pragma once

namespace atelier::kernels {
namespace {

inline Lanes::V round_row(Lanes::V first, Lanes::V second) {
  return (__m512)_mm512_cvtne2ps_pbh(second, first);
}

inline Lanes::V round_pairs(Lanes::V even, Lanes::V odd) {
  // 0 16 1 17 ...: the low half holds the even ones
  const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                              23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_castsi512_ps(_mm512_permutexvar_epi16(interleave, (__m512i)_mm512_cvtne2ps_pbh(odd, even)));
}

inline Lanes::V cut_pairs(Lanes::V even, Lanes::V odd) {
  const __m512i low = _mm512_srli_epi32(_mm512_castps_si512(even), 16);
  return _mm512_castsi512_ps(_mm512_mask_mov_epi16(low, 0xaaaaaaaau, _mm512_castps_si512(odd)));
}

}  // namespace
}  // namespace atelier::kernels
