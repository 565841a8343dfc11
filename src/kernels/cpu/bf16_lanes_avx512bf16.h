// What bf16 instructions add to the quads. VDPBF16PS: each lane's pair of products is added to its sum,
// subnormals as zero. Two chains would be another order of roundings; there is one.
#pragma once

#include "kernels/cpu/quad_lanes_avx512.h"

namespace atelier::kernels {
namespace {

// acc + the two products of each row's pair with the pair at `a`.
ATELIER_INLINE F32 dot_pairs(F32 acc, Quad w, const std::uint16_t* a) {
  std::int32_t word;
  __builtin_memcpy(&word, a, 4);
  return {_mm512_dpbf16_ps(acc.v, (__m512bh)w.v, (__m512bh)_mm512_set1_epi32(word))};
}

// Both rounded to bf16, side by side; subnormals become zero, as the products take them anyway.
ATELIER_INLINE Quad rounded_pairs(F32 first, F32 second) {
  // 0 16 1 17 ...: the low half holds the first values
  const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                              23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i apart = (__m512i)_mm512_cvtne2ps_pbh(second.v, first.v);
  return {_mm512_permutexvar_epi16(interleave, apart)};
}

}  // namespace
}  // namespace atelier::kernels
