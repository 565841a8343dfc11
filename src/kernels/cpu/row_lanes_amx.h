// What the rows of bf16 tiles add to the quads: bytes lifted into floats two k at a time, as a tile row wants
// them, by VBMI's byte permutation. The names are those of quad_lanes_scalar.h. Include in linear_amx.cpp and
// nowhere else.
#pragma once

#include "kernels/cpu/bf16_lanes_avx512bf16.h"

namespace atelier::kernels {
namespace {

// The byte stands where the mantissa's bit of weight one is its last: the third byte of 128.0 (0x43000000),
// the second of 32768.0 (0x47000000).
template <int kLift, int kHalf, int kPair>
ATELIER_INLINE F32 lifted_pairs(Quad q) {
  static_assert(kLift == 128 || kLift == 32768);
  constexpr int kByte = kLift == 128 ? 2 : 1;
  alignas(64) static constexpr auto kFrom = [] {
    struct Bytes {
      std::int8_t at[64];
    } from = {};
    for (int lane = 0; lane < 16; ++lane)
      from.at[4 * lane + kByte] = static_cast<std::int8_t>((8 * kHalf + lane / 2) * 4 + 2 * kPair + lane % 2);
    return from;
  }();
  constexpr __mmask64 kBytes = 0x1111111111111111u << kByte;
  constexpr int kFloat = kLift == 128 ? 0x43000000 : 0x47000000;
  return {_mm512_castsi512_ps(
      _mm512_mask_permutexvar_epi8(_mm512_set1_epi32(kFloat), kBytes, _mm512_load_si512(kFrom.at), q.v))};
}

template <int kHalf>
ATELIER_INLINE F32 each_twice(F32 a) {
  const __m512i from = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
  return {_mm512_permutexvar_ps(_mm512_add_epi32(from, _mm512_set1_epi32(8 * kHalf)), a.v)};
}

ATELIER_INLINE Quad rounded_row(F32 first_half, F32 second_half) {
  return {(__m512i)_mm512_cvtne2ps_pbh(second_half.v, first_half.v)};
}

}  // namespace
}  // namespace atelier::kernels
