// What attention of prompts, a query to a lane, adds to Lanes on AVX2. Meaning and rounding:
// query_lanes_scalar.h. Include after float_lanes_avx2.h.
#pragma once

namespace atelier::kernels {
namespace {

// out[j][i] = rows[i][j], 8 x 8.
inline void transpose_eight(const __m256 (&rows)[8], __m256 (&out)[8]) {
  __m256 pairs[8];  // [i] and [i + 4]: column i of rows 0 to 3 and 4 to 7, and column i + 4 above them
  for (int i = 0; i < 8; i += 4) {
    const __m256 low01 = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    const __m256 high01 = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    const __m256 low23 = _mm256_unpacklo_ps(rows[i + 2], rows[i + 3]);
    const __m256 high23 = _mm256_unpackhi_ps(rows[i + 2], rows[i + 3]);
    pairs[i] = _mm256_shuffle_ps(low01, low23, 0x44);
    pairs[i + 1] = _mm256_shuffle_ps(low01, low23, 0xee);
    pairs[i + 2] = _mm256_shuffle_ps(high01, high23, 0x44);
    pairs[i + 3] = _mm256_shuffle_ps(high01, high23, 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    out[i] = _mm256_permute2f128_ps(pairs[i], pairs[i + 4], 0x20);
    out[i + 4] = _mm256_permute2f128_ps(pairs[i], pairs[i + 4], 0x31);
  }
}

inline void transpose(Lanes::V (&rows)[16]) {
  __m256 corner[2][2][8], turned[2][2][8];  // [rows from 8 i on][columns from 8 j on]
  for (int i = 0; i < 16; ++i) {
    corner[i / 8][0][i % 8] = rows[i].lo;
    corner[i / 8][1][i % 8] = rows[i].hi;
  }
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) transpose_eight(corner[i][j], turned[j][i]);
  for (int i = 0; i < 16; ++i) rows[i] = {turned[i / 8][0][i % 8], turned[i / 8][1][i % 8]};
}

inline Lanes::V floor_of(Lanes::V x) {
  return {_mm256_floor_ps(x.lo), _mm256_floor_ps(x.hi)};
}

// In two steps, so that a power below the smallest normal one rounds once, at the end.
inline __m256 scale_by_floor(__m256 a, __m256 x) {
  const __m256i power = _mm256_cvtps_epi32(_mm256_max_ps(_mm256_floor_ps(x), _mm256_set1_ps(-252.0f)));
  const __m256i half = _mm256_srai_epi32(power, 1), rest = _mm256_sub_epi32(power, half);
  const auto of_two = [](__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  };
  return _mm256_mul_ps(_mm256_mul_ps(a, of_two(half)), of_two(rest));
}
inline Lanes::V scale_by_floor(Lanes::V a, Lanes::V x) {
  return {scale_by_floor(a.lo, x.lo), scale_by_floor(a.hi, x.hi)};
}

inline Lanes::V keep_seen(Lanes::V score, float key, Lanes::V seen, float hidden) {
  const __m256 at = _mm256_set1_ps(key), other = _mm256_set1_ps(hidden);
  return {_mm256_blendv_ps(other, score.lo, _mm256_cmp_ps(at, seen.lo, _CMP_LT_OQ)),
          _mm256_blendv_ps(other, score.hi, _mm256_cmp_ps(at, seen.hi, _CMP_LT_OQ))};
}

inline bool any_above(Lanes::V a, Lanes::V b) {
  return _mm256_movemask_ps(
             _mm256_or_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ))) != 0;
}

inline Lanes::V root(Lanes::V x) {
  return {_mm256_sqrt_ps(x.lo), _mm256_sqrt_ps(x.hi)};
}

}  // namespace
}  // namespace atelier::kernels
