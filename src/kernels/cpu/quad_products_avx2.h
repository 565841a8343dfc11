// Products of quads by vpmaddubsw, which adds two of them into 16 bits. As many quads as 16 bits can hold are
// summed there before they are widened: eight of 4 bits, four of 5, two of 6. Bytes of full range are kept
// signed and multiplied as |w| * sign(a, w), so that it never saturates.
#pragma once

#include "kernels/cpu/quad_lanes_avx2.h"

namespace atelier::kernels {
namespace {

constexpr bool kSignedBytes = true;

constexpr int quads_in_16_bits(int max_value, bool is_signed) {
  const int fit = is_signed ? 1 : 32767 / (max_value * 127 * 2);
  return fit >= 8 ? 8 : fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

// Times two halves, and as many sums of 32 bits where a group has more than one run: what 16 registers hold.
constexpr int kQuadPanels = 1;  // multiplied side by side
constexpr int rows_at_once(int max_value) {
  return max_value <= 31 ? 4 : 2;
}

template <bool kSigned>
ATELIER_INLINE __m256i products(__m256i w, __m256i magnitude, __m256i a) {
  if constexpr (kSigned) return _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(a, w));
  return _mm256_maddubs_epi16(w, a);
}

// g++ reassociates integer sums: it makes all the products of a run first, spills them, and then adds. The
// empty statement makes each sum stand where it is written.
ATELIER_INLINE __m256i sum_at_once(__m256i sum) {
  asm("" : "+x"(sum));
  return sum;
}

// Quad by quad for all rows: a quad is loaded once, and many sums are in flight.
template <int kCount, int kMaxValue, bool kSigned, int kRows, int kPanels>
ATELIER_INLINE void dot_rows(I32* sums, const Quad* w, const std::int8_t* a) {
  constexpr int kFit = quads_in_16_bits(kMaxValue, kSigned), kRun = kFit < kCount ? kFit : kCount;
  static_assert(kRun > 0 && kCount % kRun == 0 && kPanels == 1);
  const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 8
  for (int first = 0; first < kCount; first += kRun) {
    __m256i low[kRows], high[kRows];
#pragma GCC unroll 8
    for (int q = first; q < first + kRun; ++q) {
      const Quad quad = w[q];
      const Quad magnitude = kSigned ? Quad{_mm256_abs_epi8(quad.low), _mm256_abs_epi8(quad.high)} : quad;
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const __m256i four = splat_four(a + r * kGroup + 4 * q);
        const __m256i more_low = products<kSigned>(quad.low, magnitude.low, four);
        const __m256i more_high = products<kSigned>(quad.high, magnitude.high, four);
        low[r] = q == first ? more_low : sum_at_once(_mm256_add_epi16(low[r], more_low));
        high[r] = q == first ? more_high : sum_at_once(_mm256_add_epi16(high[r], more_high));
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      sums[r].low = sum_at_once(_mm256_add_epi32(sums[r].low, _mm256_madd_epi16(low[r], ones)));
      sums[r].high = sum_at_once(_mm256_add_epi32(sums[r].high, _mm256_madd_epi16(high[r], ones)));
    }
  }
}

}  // namespace
}  // namespace atelier::kernels
