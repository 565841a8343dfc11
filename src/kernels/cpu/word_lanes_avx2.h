// Whole numbers of 16 bits in the lanes of AVX2, with VNNI where the file is compiled for it. Meaning and
// rounding: word_lanes_scalar.h. Include after float_lanes_avx2.h.
#pragma once

#include <cstddef>

namespace atelier::kernels {
namespace {

struct Words {
  struct V {
    __m256i lo, hi;
  };
  static constexpr int kRows = 4;  // eight sums, and their operands

  static V zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static V load(const std::byte* from) {
    const auto* at = reinterpret_cast<const __m256i*>(from);
    return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
  }
  static V dot(V sum, V b, const std::byte* a) {
    std::int32_t pair;
    __builtin_memcpy(&pair, a, sizeof pair);
    const __m256i all = _mm256_set1_epi32(pair);
    return {dot(sum.lo, b.lo, all), dot(sum.hi, b.hi, all)};
  }
  static Lanes::V to_float(V a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }

 private:
  static __m256i dot(__m256i sum, __m256i b, __m256i a) {
#ifdef __AVXVNNI__
    sum = _mm256_dpwssd_avx_epi32(sum, b, a);
#else
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(b, a));
#endif
    asm("" : "+x"(sum));  // in its place: g++ 12 alone keeps every sum twice, and spills
    return sum;
  }
};

// Sixteen words of two times eight floats.
inline __m256 eight_pairs(__m256 first, __m256 second) {
  const __m256i low = _mm256_set1_epi32(0xffff);  // packs would take what is no number for the lowest one
  const __m256i packed = _mm256_packus_epi32(_mm256_and_si256(_mm256_cvtps_epi32(first), low),
                                             _mm256_and_si256(_mm256_cvtps_epi32(second), low));
  return _mm256_castsi256_ps(_mm256_permute4x64_epi64(packed, 0xd8));
}

inline Lanes::V word_row(Lanes::V first, Lanes::V second) {
  return {eight_pairs(first.lo, first.hi), eight_pairs(second.lo, second.hi)};
}

inline __m256 word_pairs(__m256 even, __m256 odd) {
  return _mm256_castsi256_ps(
      _mm256_blend_epi16(_mm256_cvtps_epi32(even), _mm256_slli_epi32(_mm256_cvtps_epi32(odd), 16), 0xaa));
}
inline Lanes::V word_pairs(Lanes::V even, Lanes::V odd) {
  return {word_pairs(even.lo, odd.lo), word_pairs(even.hi, odd.hi)};
}

}  // namespace
}  // namespace atelier::kernels
