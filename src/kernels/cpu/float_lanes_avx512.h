// Lanes over AVX-512: one register. Meaning and rounding: float_lanes_scalar.h. For the *_avx512.cpp files
// only.
#pragma once

#include <immintrin.h>

#include <cstdint>

#if defined(__GNUC__) && !defined(__clang__)
// g++ 12's own header fills "undefined" operands by int x = x and then warns of it (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace atelier::kernels {
namespace {

struct Lanes {
  using V = __m512;

  // 32 registers: 8 queries x 2 score registers, or 8 queries x 2 value registers, and their operands.
  static constexpr int kScoreQueries = 8, kValueQueries = 8, kValueVectors = 2;

  static V set(float value) { return _mm512_set1_ps(value); }
  static V load(const float* p) { return _mm512_loadu_ps(p); }
  static V fetch_after(V a, const void* line) {
    asm("prefetcht1 %1" : "+v"(a) : "m"(*static_cast<const char*>(line)));
    return a;
  }
  static void store(float* p, V a) { _mm512_storeu_ps(p, a); }
  static V load_part(const float* p, int count) { return _mm512_maskz_loadu_ps(first_lanes(count), p); }
  static void store_part(float* p, V a, int count) { _mm512_mask_storeu_ps(p, first_lanes(count), a); }
  static V load_f16(const std::uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static void store_f16(std::uint16_t* p, V a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static V load_i8(const std::int8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }

  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V div(V a, V b) { return _mm512_div_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  // By hand: a compiler that sees `one` used twice loads it once, by an instruction of its own.
  static V fma_one(const float* one, V b, V c) {
    asm("vfmadd231ps %1%{1to16%}, %2, %0" : "+v"(c) : "m"(*one), "v"(b));
    return c;
  }
  static V negated_fma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }
  static V max(V a, V b) { return _mm512_max_ps(a, b); }
  static V min(V a, V b) { return _mm512_min_ps(a, b); }
  static V zero_below(V x, float limit, V a) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_set1_ps(limit), _CMP_NLT_UQ), a);
  }
  static V keep_first(V a, int count, float other) {
    return _mm512_mask_mov_ps(_mm512_set1_ps(other), first_lanes(count), a);
  }
  static V scale_by_power(V a, V magic) {
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(a), _mm512_slli_epi32(_mm512_castps_si512(magic), 23)));
  }

  static float first(V a) { return _mm512_cvtss_f32(a); }

  static float fold_add(V a) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static float fold_max(V a) {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }

 private:
  static __mmask16 first_lanes(int count) {
    return count >= 16 ? __mmask16{0xffff}
                       : static_cast<__mmask16>((1u << static_cast<unsigned>(count > 0 ? count : 0)) - 1u);
  }
};

}  // namespace
}  // namespace atelier::kernels
