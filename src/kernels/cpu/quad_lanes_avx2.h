// Sixteen lanes in two AVX2 registers: rows 0..7 and 8..15. The products of bytes are in quad_products_avx2.h
// or quad_products_avxvnni.h. The names are those of quad_lanes_scalar.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/ops.h"
#include "kernels/panel_layout.h"

namespace atelier::kernels {
namespace {

struct F32 {
  __m256 low, high;
};
struct I32 {
  __m256i low, high;
};
struct Quad {
  __m256i low, high;
};

#define ATELIER_INLINE inline __attribute__((always_inline))

ATELIER_INLINE __m256i lane_mask(std::int64_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
}

// ---- f32 ----
ATELIER_INLINE F32 splat(float value) {
  return {_mm256_set1_ps(value), _mm256_set1_ps(value)};
}
ATELIER_INLINE F32 load(const float* from) {
  return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
}
ATELIER_INLINE F32 load_part(const float* from, std::int64_t count) {
  return {_mm256_maskload_ps(from, lane_mask(count)), _mm256_maskload_ps(from + 8, lane_mask(count - 8))};
}
ATELIER_INLINE void store(float* to, F32 x) {
  _mm256_storeu_ps(to, x.low);
  _mm256_storeu_ps(to + 8, x.high);
}
ATELIER_INLINE void store_part(float* to, F32 x, std::int64_t count) {
  if (count == 16) return store(to, x);
  _mm256_maskstore_ps(to, lane_mask(count), x.low);
  _mm256_maskstore_ps(to + 8, lane_mask(count - 8), x.high);
}
ATELIER_INLINE F32 add(F32 a, F32 b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
ATELIER_INLINE F32 mul(F32 a, F32 b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
ATELIER_INLINE F32 negate(F32 a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_xor_ps(a.low, sign), _mm256_xor_ps(a.high, sign)};
}
ATELIER_INLINE F32 fused(F32 a, F32 b, F32 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
ATELIER_INLINE F32 to_f32(I32 a) {
  return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)};
}
ATELIER_INLINE __m128i load_16_bytes(const std::uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
ATELIER_INLINE __m256i load_32_bytes(const std::uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
ATELIER_INLINE F32 from_halves(const std::uint8_t* from) {
  return {_mm256_cvtph_ps(load_16_bytes(from)), _mm256_cvtph_ps(load_16_bytes(from + 16))};
}
ATELIER_INLINE I32 widen(__m128i bytes) {
  return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
}
ATELIER_INLINE F32 from_bytes(const std::uint8_t* from) {
  return to_f32(widen(load_16_bytes(from)));
}
ATELIER_INLINE F32 from_signed_bytes(const std::uint8_t* from) {
  const __m128i bytes = load_16_bytes(from);
  return to_f32({_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))});
}
ATELIER_INLINE F32 from_low_nibbles(const std::uint8_t* from) {
  return to_f32(widen(_mm_and_si128(load_16_bytes(from), _mm_set1_epi8(15))));
}
ATELIER_INLINE F32 from_high_nibbles(const std::uint8_t* from) {
  return to_f32(widen(_mm_and_si128(_mm_srli_epi16(load_16_bytes(from), 4), _mm_set1_epi8(15))));
}
ATELIER_INLINE __m256 round_to_bf16(__m256 a) {
  const __m256i bits = _mm256_castps_si256(a);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  return _mm256_castsi256_ps(_mm256_and_si256(up, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
}
ATELIER_INLINE F32 round_to_bf16(F32 a) {
  return {round_to_bf16(a.low), round_to_bf16(a.high)};
}

// ---- for prepare ----
// Nothing is prepared by whole blocks here: all rows are left.
ATELIER_INLINE RowsToPrepare prepare_int8_blocks(const RowsToPrepare& from, const Activations& /*out*/) {
  return from;
}
ATELIER_INLINE F32 max_magnitude(F32 so_far, F32 x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_max_ps(so_far.low, _mm256_andnot_ps(sign, x.low)),
          _mm256_max_ps(so_far.high, _mm256_andnot_ps(sign, x.high))};
}
ATELIER_INLINE float largest(F32 a) {
  const __m256 eight = _mm256_max_ps(a.low, a.high);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
ATELIER_INLINE __m256i round_to_i8(__m256 a) {
  const __m256 low = _mm256_max_ps(a, _mm256_set1_ps(-127.0f));
  return _mm256_cvtps_epi32(_mm256_min_ps(low, _mm256_set1_ps(127.0f)));
}
ATELIER_INLINE I32 round_to_i8(F32 a) {
  return {round_to_i8(a.low), round_to_i8(a.high)};
}
struct HalfSums {
  std::int32_t first, second;
};
ATELIER_INLINE HalfSums store_i8(std::int8_t* to, I32 first, I32 second) {
  // packs works per 128-bit half, so the words lie 0-3 8-11 16-19 24-27 | 4-7 ...: one permutation puts them
  // right
  const __m256i low = _mm256_packs_epi32(first.low, first.high),
                high = _mm256_packs_epi32(second.low, second.high);
  const __m256i bytes =
      _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
  // |q| <= 127: two bytes and then two words add without overflow; the sign is carried by the first factor's
  // 1
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
  __m256i sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0x4e));
  sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0xb1));
  return {_mm256_extract_epi32(sums, 0), _mm256_extract_epi32(sums, 4)};
}

// ---- integers ----
ATELIER_INLINE I32 splat_i32(std::int32_t value) {
  return {_mm256_set1_epi32(value), _mm256_set1_epi32(value)};
}
ATELIER_INLINE I32 load_i32(const std::int32_t* from) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
  return {load_32_bytes(bytes), load_32_bytes(bytes + 32)};
}
ATELIER_INLINE I32 sub(I32 a, I32 b) {
  return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
template <int kShift>
ATELIER_INLINE I32 splat_shifted(std::int32_t value) {
  if constexpr (kShift < 0) return splat_i32(0);
  const __m256i shifted = _mm256_slli_epi32(_mm256_set1_epi32(value), kShift < 0 ? 0 : kShift);
  return {shifted, shifted};
}

// ---- quads ----
ATELIER_INLINE Quad load_quad(const std::uint8_t* from) {
  return {load_32_bytes(from), load_32_bytes(from + 32)};
}
ATELIER_INLINE void store_quad(std::uint8_t* to, Quad q) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), q.low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32), q.high);
}
ATELIER_INLINE Quad low_nibbles(Quad q) {
  const __m256i mask = _mm256_set1_epi8(15);
  return {_mm256_and_si256(q.low, mask), _mm256_and_si256(q.high, mask)};
}
ATELIER_INLINE Quad high_nibbles(Quad q) {
  const __m256i mask = _mm256_set1_epi8(15);
  return {_mm256_and_si256(_mm256_srli_epi16(q.low, 4), mask),
          _mm256_and_si256(_mm256_srli_epi16(q.high, 4), mask)};
}
// base | the bits of kMask, q's from kFrom on moved to kTo.
template <int kFrom, int kTo, int kMask>
ATELIER_INLINE __m256i with_moved(__m256i base, __m256i q) {
  constexpr int kLeft = kTo - kFrom;
  if constexpr (kLeft > 0) q = _mm256_slli_epi16(q, kLeft);
  if constexpr (kLeft < 0) q = _mm256_srli_epi16(q, -kLeft);
  return _mm256_or_si256(base, _mm256_and_si256(q, _mm256_set1_epi8(kMask)));
}
template <int kField, int kTo>
ATELIER_INLINE Quad with_field(Quad base, Quad q) {
  return {with_moved<2 * kField, kTo, 3 << kTo>(base.low, q.low),
          with_moved<2 * kField, kTo, 3 << kTo>(base.high, q.high)};
}
template <int kBit, int kTo>
ATELIER_INLINE Quad with_bit(Quad base, Quad q) {
  return {with_moved<kBit, kTo, 1 << kTo>(base.low, q.low),
          with_moved<kBit, kTo, 1 << kTo>(base.high, q.high)};
}
ATELIER_INLINE Quad zero_quad() {
  return {_mm256_setzero_si256(), _mm256_setzero_si256()};
}
ATELIER_INLINE Quad iq4_values(Quad indices) {
  const __m256i table = _mm256_broadcastsi128_si256(load_16_bytes(kIq4Values));
  return {_mm256_shuffle_epi8(table, indices.low), _mm256_shuffle_epi8(table, indices.high)};
}
ATELIER_INLINE Quad flip_sign_bits(Quad q) {
  const __m256i sign = _mm256_set1_epi8(-128);
  return {_mm256_xor_si256(q.low, sign), _mm256_xor_si256(q.high, sign)};
}
ATELIER_INLINE Quad minus_offset(Quad q, int offset) {
  const __m256i taken = _mm256_set1_epi8(static_cast<char>(offset));
  return {_mm256_sub_epi8(q.low, taken), _mm256_sub_epi8(q.high, taken)};
}
template <int kByte>
ATELIER_INLINE I32 column(Quad q) {
  const __m256i mask = _mm256_set1_epi32(255);
  return {_mm256_and_si256(_mm256_srli_epi32(q.low, 8 * kByte), mask),
          _mm256_and_si256(_mm256_srli_epi32(q.high, 8 * kByte), mask)};
}

// 256 + column.
template <int kByte>
ATELIER_INLINE F32 lifted_column(Quad q) {
  return add(to_f32(column<kByte>(q)), splat(256.0f));
}

ATELIER_INLINE __m256i splat_four(const std::int8_t* a) {
  std::int32_t word;
  __builtin_memcpy(&word, a, 4);
  return _mm256_set1_epi32(word);
}

ATELIER_INLINE F32 first_of_pairs(Quad q) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(q.low, 16)),
          _mm256_castsi256_ps(_mm256_slli_epi32(q.high, 16))};
}
ATELIER_INLINE F32 second_of_pairs(Quad q) {
  const __m256i mask = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
  return {_mm256_castsi256_ps(_mm256_and_si256(q.low, mask)),
          _mm256_castsi256_ps(_mm256_and_si256(q.high, mask))};
}

ATELIER_INLINE void prefetch_to_l2(const void* at) {
  _mm_prefetch(static_cast<const char*>(at), _MM_HINT_T1);
}
ATELIER_INLINE void prefetch(const void* at) {
  _mm_prefetch(static_cast<const char*>(at), _MM_HINT_T0);
}

}  // namespace
}  // namespace atelier::kernels
