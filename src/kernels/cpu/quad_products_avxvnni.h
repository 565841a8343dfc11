// Products of quads by the 256-bit vpdpbusd of AVX-VNNI: unsigned weights, signed activations, four products
// and a sum in 32 bits at once.
#pragma once

#include "kernels/cpu/quad_lanes_avx2.h"

namespace atelier::kernels {
namespace {

constexpr bool kSignedBytes = false;

constexpr int kQuadPanels = 1;  // multiplied side by side
constexpr int rows_at_once(int) {
  return 4;  // times two halves: 8 of the 16 registers are sums
}

// Quad by quad for all rows: a quad is loaded once, and eight chains hide the latency of a product.
template <int kCount, int kMaxValue, bool kSigned, int kRows, int kPanels>
ATELIER_INLINE void dot_rows(I32* sums, const Quad* w, const std::int8_t* a) {
  static_assert(!kSigned && kPanels == 1);
#pragma GCC unroll 8
  for (int q = 0; q < kCount; ++q) {
    const Quad quad = w[q];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m256i four = splat_four(a + r * kGroup + 4 * q);
      sums[r].low = _mm256_dpbusd_avx_epi32(sums[r].low, quad.low, four);
      sums[r].high = _mm256_dpbusd_avx_epi32(sums[r].high, quad.high, four);
    }
  }
}

}  // namespace
}  // namespace atelier::kernels
