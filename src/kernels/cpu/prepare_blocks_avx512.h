// Int8 activations of whole blocks of 16 rows, where a lane is a row: scales and sums are computed and stored
// 16 at a time. Bits as in prepare_rows.h. Include after quad_lanes_avx512.h and before prepare_rows.h.
#pragma once

#include "kernels/ops.h"

namespace atelier::kernels {
namespace {

// Lane i: the largest lane of v[i].
ATELIER_INLINE __m512 largest_of_each(__m512 (&v)[16]) {
  __m512 pairs[8], fours[4], lanes[2];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i)  // 128 bits: a a b b
    pairs[i] =
        _mm512_max_ps(_mm512_unpacklo_ps(v[2 * i], v[2 * i + 1]), _mm512_unpackhi_ps(v[2 * i], v[2 * i + 1]));
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {  // a b c d
    const __m512d low = _mm512_castps_pd(pairs[2 * i]), high = _mm512_castps_pd(pairs[2 * i + 1]);
    fours[i] = _mm512_max_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(low, high)),
                             _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)));
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i)  // 128-bit lanes 0 2 of one and of the other, with 1 3
    lanes[i] = _mm512_max_ps(_mm512_shuffle_f32x4(fours[2 * i], fours[2 * i + 1], 0x88),
                             _mm512_shuffle_f32x4(fours[2 * i], fours[2 * i + 1], 0xdd));
  return _mm512_max_ps(_mm512_shuffle_f32x4(lanes[0], lanes[1], 0x88),
                       _mm512_shuffle_f32x4(lanes[0], lanes[1], 0xdd));
}

// Of four registers, each two rows' 32 bytes summed four by four: lane (half row i, register) the half's sum.
ATELIER_INLINE __m512i half_sums(const __m512i (&v)[4]) {
  const __m512i low = _mm512_add_epi32(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const __m512i high = _mm512_add_epi32(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(low, high), _mm512_unpackhi_epi64(low, high));
}

// 32 values of a row, times `inverse`, as bytes.
ATELIER_INLINE __m256i bytes_of(const float* x, __m512 inverse) {
  const I32 first = round_to_i8({_mm512_mul_ps(_mm512_loadu_ps(x), inverse)});
  const I32 second = round_to_i8({_mm512_mul_ps(_mm512_loadu_ps(x + 16), inverse)});
  return _mm256_set_m128i(_mm512_cvtepi32_epi8(second.v), _mm512_cvtepi32_epi8(first.v));
}

// One group of 16 rows, `stride` apart; `at`: the place of the first row in the prepared arrays.
ATELIER_INLINE void prepare_int8_block(const float* x, std::int64_t stride, const Activations& out,
                                       std::int64_t at) {
  __m512 magnitude[kBlockRows];
#pragma GCC unroll 16
  for (int r = 0; r < kBlockRows; ++r) {
    const F32 low = max_magnitude(splat(0.0f), load(x + r * stride));
    magnitude[r] = max_magnitude(low, load(x + r * stride + 16)).v;
  }
  const __m512 amax = largest_of_each(magnitude), one = _mm512_set1_ps(1.0f), top = _mm512_set1_ps(127.0f);
  const __mmask16 zero = _mm512_cmp_ps_mask(amax, _mm512_set1_ps(kSmallestAmax), _CMP_LT_OQ);
  const __m512 divisor = _mm512_mask_mov_ps(amax, zero, one);
  const __m512 scale = _mm512_maskz_div_ps(~zero, divisor, top);
  alignas(64) float inverse[kBlockRows];
  _mm512_store_ps(inverse, _mm512_maskz_div_ps(~zero, top, divisor));

  std::int8_t* to = out.q8 + at * kGroup;
  __m512i sums[2][4];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    const float* row = x + 2 * i * stride;
    const __m512i two =
        _mm512_inserti64x4(_mm512_castsi256_si512(bytes_of(row, _mm512_set1_ps(inverse[2 * i]))),
                           bytes_of(row + stride, _mm512_set1_ps(inverse[2 * i + 1])), 1);
    _mm512_storeu_si512(to + 2 * i * kGroup, two);
    sums[i / 4][i % 4] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), two);
  }
  const __m512i low = half_sums(sums[0]), high = half_sums(sums[1]);
  // Lane 4 h + v of `low` is half h % 2 of row 2 v + h / 2; of `high`, of the row 8 further on.
  const __m512i firsts = _mm512_set_epi32(27, 19, 26, 18, 25, 17, 24, 16, 11, 3, 10, 2, 9, 1, 8, 0);
  const __m512i first = _mm512_permutex2var_epi32(low, firsts, high);
  const __m512i second = _mm512_permutex2var_epi32(low, _mm512_add_epi32(firsts, _mm512_set1_epi32(4)), high);
  const __m512i sum = _mm512_add_epi32(first, second), none = _mm512_setzero_si512();
  _mm512_storeu_ps(out.scale + at, scale);
  _mm512_storeu_ps(out.scaled_sum + at, _mm512_mul_ps(scale, _mm512_cvtepi32_ps(sum)));
  _mm512_storeu_si512(out.minus_sum + at, _mm512_sub_epi32(none, sum));
  _mm512_storeu_si512(out.minus_half_sum + at, _mm512_sub_epi32(none, first));
}

// Prepares what of the rectangle is whole blocks; returns the rows that are left.
inline RowsToPrepare prepare_int8_blocks(const RowsToPrepare& from, const Activations& out) {
  if (out.block != kBlockRows || from.first_row % kBlockRows != 0 || from.columns % kGroup != 0) return from;
  const std::int64_t groups = out.cols / kGroup, first_group = from.first_column / kGroup;
  RowsToPrepare left = from;
  for (; left.rows >= kBlockRows; left.rows -= kBlockRows, left.first_row += kBlockRows) {
    const std::int64_t at = (left.first_row / kBlockRows * groups + first_group) * kBlockRows;
    for (std::int64_t g = 0; g < from.columns / kGroup; ++g)
      prepare_int8_block(left.x + g * kGroup, left.stride, out, at + g * kBlockRows);
    left.x += kBlockRows * left.stride;
  }
  return left;
}

}  // namespace
}  // namespace atelier::kernels
