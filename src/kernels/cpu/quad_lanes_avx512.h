// Sixteen lanes in one AVX-512 register; bytes are multiplied by VNNI. The names are those of
// quad_lanes_scalar.h.
#pragma once

#ifndef __clang__  // g++ 12 warns inside its own AVX-512 headers
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstdint>

#include "kernels/panel_layout.h"

namespace atelier::kernels {
namespace {

// Plain structs: a vector type as a template argument loses its attributes.
struct F32 {
  __m512 v;
};
struct I32 {
  __m512i v;
};
struct Quad {
  __m512i v;
};

constexpr bool kSignedBytes = false;  // vpdpbusd: unsigned weights, signed activations
// Panels multiplied side by side, of more than a few rows.
constexpr int kQuadPanels = 2;
// Rows times panels.
constexpr int rows_at_once(int) {
  return 8;
}

#define ATELIER_INLINE inline __attribute__((always_inline))

ATELIER_INLINE __mmask16 first_lanes(std::int64_t count) {
  return static_cast<__mmask16>((1u << count) - 1u);
}

// ---- f32 ----
ATELIER_INLINE F32 splat(float value) {
  return {_mm512_set1_ps(value)};
}
ATELIER_INLINE F32 load(const float* from) {
  return {_mm512_loadu_ps(from)};
}
ATELIER_INLINE F32 load_part(const float* from, std::int64_t count) {
  return {_mm512_maskz_loadu_ps(first_lanes(count), from)};
}
ATELIER_INLINE void store(float* to, F32 x) {
  _mm512_storeu_ps(to, x.v);
}
ATELIER_INLINE void store_part(float* to, F32 x, std::int64_t count) {
  _mm512_mask_storeu_ps(to, first_lanes(count), x.v);
}
ATELIER_INLINE F32 add(F32 a, F32 b) {
  return {_mm512_add_ps(a.v, b.v)};
}
ATELIER_INLINE F32 mul(F32 a, F32 b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
ATELIER_INLINE F32 negate(F32 a) {
  return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))};
}
ATELIER_INLINE F32 fused(F32 a, F32 b, F32 c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
ATELIER_INLINE F32 to_f32(I32 a) {
  return {_mm512_cvtepi32_ps(a.v)};
}
ATELIER_INLINE F32 from_halves(const std::uint8_t* from) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)))};
}
ATELIER_INLINE __m128i load_16_bytes(const std::uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
ATELIER_INLINE F32 from_bytes(const std::uint8_t* from) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_16_bytes(from)))};
}
ATELIER_INLINE F32 from_signed_bytes(const std::uint8_t* from) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_16_bytes(from)))};
}
ATELIER_INLINE F32 from_low_nibbles(const std::uint8_t* from) {
  const __m512i bytes = _mm512_cvtepu8_epi32(load_16_bytes(from));
  return {_mm512_cvtepi32_ps(_mm512_and_si512(bytes, _mm512_set1_epi32(15)))};
}
ATELIER_INLINE F32 from_high_nibbles(const std::uint8_t* from) {
  return {_mm512_cvtepi32_ps(_mm512_srli_epi32(_mm512_cvtepu8_epi32(load_16_bytes(from)), 4))};
}
ATELIER_INLINE F32 round_to_bf16(F32 a) {
  const __m512i bits = _mm512_castps_si512(a.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  return {_mm512_castsi512_ps(_mm512_and_si512(up, _mm512_set1_epi32(static_cast<int>(0xffff0000u))))};
}

// ---- for prepare ----
ATELIER_INLINE F32 max_magnitude(F32 so_far, F32 x) {
  return {_mm512_max_ps(so_far.v, _mm512_abs_ps(x.v))};
}
ATELIER_INLINE float largest(F32 a) {
  return _mm512_reduce_max_ps(a.v);
}
ATELIER_INLINE I32 round_to_i8(F32 a) {
  const __m512 low = _mm512_max_ps(a.v, _mm512_set1_ps(-127.0f));
  return {_mm512_cvtps_epi32(_mm512_min_ps(low, _mm512_set1_ps(127.0f)))};
}
struct HalfSums {
  std::int32_t first, second;
};
ATELIER_INLINE HalfSums store_i8(std::int8_t* to, I32 first, I32 second) {
  const __m256i bytes = _mm256_set_m128i(_mm512_cvtepi32_epi8(second.v), _mm512_cvtepi32_epi8(first.v));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
  // four sums in each half, then one
  __m256i sums = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), bytes);
  sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0x4e));
  sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0xb1));
  return {_mm256_extract_epi32(sums, 0), _mm256_extract_epi32(sums, 4)};
}

// ---- integers ----
ATELIER_INLINE I32 splat_i32(std::int32_t value) {
  return {_mm512_set1_epi32(value)};
}
ATELIER_INLINE I32 load_i32(const std::int32_t* from) {
  return {_mm512_loadu_si512(from)};
}
ATELIER_INLINE I32 sub(I32 a, I32 b) {
  return {_mm512_sub_epi32(a.v, b.v)};
}
template <int kShift>
ATELIER_INLINE I32 splat_shifted(std::int32_t value) {
  if constexpr (kShift < 0) return splat_i32(0);
  return {_mm512_slli_epi32(_mm512_set1_epi32(value), kShift < 0 ? 0 : kShift)};
}

// ---- quads ----
ATELIER_INLINE Quad load_quad(const std::uint8_t* from) {
  return {_mm512_loadu_si512(from)};
}
ATELIER_INLINE void store_quad(std::uint8_t* to, Quad q) {
  _mm512_storeu_si512(to, q.v);
}
ATELIER_INLINE Quad low_nibbles(Quad q) {
  return {_mm512_and_si512(q.v, _mm512_set1_epi8(15))};
}
ATELIER_INLINE Quad high_nibbles(Quad q) {
  return {_mm512_and_si512(_mm512_srli_epi16(q.v, 4), _mm512_set1_epi8(15))};
}
template <int kField, int kTo>
ATELIER_INLINE Quad with_field(Quad base, Quad q) {
  constexpr int kLeft = kTo - 2 * kField;
  __m512i moved = q.v;  // bits that cross a byte are masked away
  if constexpr (kLeft > 0) moved = _mm512_slli_epi16(q.v, kLeft);
  if constexpr (kLeft < 0) moved = _mm512_srli_epi16(q.v, -kLeft);
  // base | (moved & mask)
  return {_mm512_ternarylogic_epi32(base.v, moved, _mm512_set1_epi8(3 << kTo), 0xf8)};
}
// By a mask, not a shift: shifts share one port with the nibbles' and the fields'.
template <int kBit, int kTo>
ATELIER_INLINE Quad with_bit(Quad base, Quad q) {
  const __mmask64 set = _mm512_test_epi8_mask(q.v, _mm512_set1_epi8(static_cast<char>(1 << kBit)));
  return {_mm512_mask_add_epi8(base.v, set, base.v, _mm512_set1_epi8(1 << kTo))};
}
ATELIER_INLINE Quad zero_quad() {
  return {_mm512_setzero_si512()};
}
ATELIER_INLINE Quad iq4_values(Quad indices) {
  const __m512i table = _mm512_broadcast_i32x4(load_16_bytes(kIq4Values));
  return {_mm512_shuffle_epi8(table, indices.v)};
}
ATELIER_INLINE Quad flip_sign_bits(Quad q) {
  return {_mm512_xor_si512(q.v, _mm512_set1_epi8(-128))};
}
ATELIER_INLINE Quad minus_offset(Quad q, int offset) {
  return {_mm512_sub_epi8(q.v, _mm512_set1_epi8(static_cast<char>(offset)))};
}
template <int kByte>
ATELIER_INLINE I32 column(Quad q) {
  if constexpr (kByte == 3) return {_mm512_srli_epi32(q.v, 24)};
  return {_mm512_and_si512(_mm512_srli_epi32(q.v, 8 * kByte), _mm512_set1_epi32(255))};
}
// 256 + column: the byte as mantissa bits of 256.0, where the last of them counts one.
template <int kByte>
ATELIER_INLINE F32 lifted_column(Quad q) {
  constexpr int kShift = 8 * kByte - 15;
  const __m512i moved = kShift < 0 ? _mm512_slli_epi32(q.v, kShift < 0 ? -kShift : 0)
                                   : _mm512_srli_epi32(q.v, kShift < 0 ? 0 : kShift);
  constexpr int kAndOr = 0xea;  // a & b | c
  return {_mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(moved, _mm512_set1_epi32(0x7f8000), _mm512_set1_epi32(0x43800000), kAndOr))};
}
ATELIER_INLINE __m512i splat_four(const std::int8_t* a) {
  std::int32_t word;
  __builtin_memcpy(&word, a, 4);
  return _mm512_set1_epi32(word);
}
// Quad by quad for all rows and panels, sums [kPanels][kRows] and w [kPanels][8]: chains of dependent
// products side by side, not one after the other, which the scheduler could not look across.
template <int kCount, int kMaxValue, bool kSigned, int kRows, int kPanels>
ATELIER_INLINE void dot_rows(I32* sums, const Quad* w, const std::int8_t* a) {
  static_assert(!kSigned);
#pragma GCC unroll 8
  for (int q = 0; q < kCount; ++q) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m512i four = splat_four(a + r * kGroup + 4 * q);
#pragma GCC unroll 2
      for (int p = 0; p < kPanels; ++p)
        sums[p * kRows + r].v = _mm512_dpbusd_epi32(sums[p * kRows + r].v, w[p * 8 + q].v, four);
    }
  }
}

ATELIER_INLINE F32 first_of_pairs(Quad q) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(q.v, 16))};
}
ATELIER_INLINE F32 second_of_pairs(Quad q) {
  return {_mm512_castsi512_ps(_mm512_and_si512(q.v, _mm512_set1_epi32(static_cast<int>(0xffff0000u))))};
}
ATELIER_INLINE void store_bf16(std::uint16_t* to, F32 a) {
  const __m512i high = _mm512_srli_epi32(_mm512_castps_si512(a.v), 16);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(high));
}

ATELIER_INLINE void prefetch_to_l2(const void* at) {
  _mm_prefetch(static_cast<const char*>(at), _MM_HINT_T1);
}
ATELIER_INLINE void prefetch(const void* at) {
  _mm_prefetch(static_cast<const char*>(at), _MM_HINT_T0);
}

}  // namespace
}  // namespace atelier::kernels
