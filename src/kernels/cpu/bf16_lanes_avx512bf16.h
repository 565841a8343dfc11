// VDPBF16PS over the quads: each lane's pair of products added to its sum, subnormals as zero. Two chains would be
// another order of roundings; there is one.
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

}  // namespace
}  // namespace atelier::kernels
