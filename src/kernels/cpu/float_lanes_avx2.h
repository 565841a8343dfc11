// Lanes over AVX2: two registers of eight. Meaning and rounding: float_lanes_scalar.h. For the *_avx2.cpp
// files only.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace atelier::kernels {
namespace {

struct Lanes {
  struct V {
    __m256 lo, hi;
  };

  // 16 registers: 2 queries x 4 score registers, or 4 queries x 2 value registers, and their operands.
  static constexpr int kScoreQueries = 2, kValueQueries = 4, kValueVectors = 1;

  static V set(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
  static V load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static V fetch_after(V a, const void* line) {
    asm("prefetcht1 %1" : "+x"(a.lo) : "m"(*static_cast<const char*>(line)));
    return a;
  }
  static void store(float* p, V a) {
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
  }
  static V load_part(const float* p, int count) {
    const Mask mask = first_lanes(count);
    return {_mm256_maskload_ps(p, mask.lo), _mm256_maskload_ps(p + 8, mask.hi)};
  }
  static void store_part(float* p, V a, int count) {
    const Mask mask = first_lanes(count);
    _mm256_maskstore_ps(p, mask.lo, a.lo);
    _mm256_maskstore_ps(p + 8, mask.hi, a.hi);
  }
  static V load_f16(const std::uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  static void store_f16(std::uint16_t* p, V a) {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a.lo, kNearest));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(a.hi, kNearest));
  }
  static V load_i8(const std::int8_t* p) { return {eight_of_i8(p), eight_of_i8(p + 8)}; }

  static V add(V a, V b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
  static V sub(V a, V b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
  static V mul(V a, V b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
  static V div(V a, V b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
  static V fma(V a, V b, V c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
  }
  static V fma_one(const float* one, V b, V c) { return fma(set(*one), b, c); }
  static V negated_fma(V a, V b, V c) {
    return {_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
  }
  static V max(V a, V b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
  static V min(V a, V b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
  static V zero_below(V x, float limit, V a) {
    const __m256 bound = _mm256_set1_ps(limit);
    return {_mm256_andnot_ps(_mm256_cmp_ps(x.lo, bound, _CMP_LT_OQ), a.lo),
            _mm256_andnot_ps(_mm256_cmp_ps(x.hi, bound, _CMP_LT_OQ), a.hi)};
  }
  static V keep_first(V a, int count, float other) {
    const Mask mask = first_lanes(count);
    const __m256 rest = _mm256_set1_ps(other);
    return {_mm256_blendv_ps(rest, a.lo, _mm256_castsi256_ps(mask.lo)),
            _mm256_blendv_ps(rest, a.hi, _mm256_castsi256_ps(mask.hi))};
  }
  static V scale_by_power(V a, V magic) {
    return {scale_by_power(a.lo, magic.lo), scale_by_power(a.hi, magic.hi)};
  }

  static float first(V a) { return _mm256_cvtss_f32(a.lo); }

  static float fold_add(V a) {
    const __m256 eight = _mm256_add_ps(a.lo, a.hi);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static float fold_max(V a) {
    const __m256 eight = _mm256_max_ps(a.lo, a.hi);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }

 private:
  static __m256 eight_of_i8(const std::int8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  struct Mask {
    __m256i lo, hi;
  };
  static Mask first_lanes(int count) {
    const __m256i bound = _mm256_set1_epi32(count);
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return {_mm256_cmpgt_epi32(bound, index),
            _mm256_cmpgt_epi32(bound, _mm256_add_epi32(index, _mm256_set1_epi32(8)))};
  }
  static __m256 scale_by_power(__m256 a, __m256 magic) {
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_castps_si256(magic), 23)));
  }
};

}  // namespace
}  // namespace atelier::kernels
