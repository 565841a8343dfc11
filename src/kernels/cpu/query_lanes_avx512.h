// What attention of prompts, a query to a lane, adds to Lanes on AVX-512. Meaning and rounding:
// query_lanes_scalar.h. Include after float_lanes_avx512.h.
#pragma once

namespace atelier::kernels {
namespace {

inline void transpose(Lanes::V (&rows)[16]) {
  __m512 pairs[16];
  for (int i = 0; i < 16; i += 4) {
    const __m512 low01 = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    const __m512 high01 = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    const __m512 low23 = _mm512_unpacklo_ps(rows[i + 2], rows[i + 3]);
    const __m512 high23 = _mm512_unpackhi_ps(rows[i + 2], rows[i + 3]);
    pairs[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(low01), _mm512_castps_pd(low23)));
    pairs[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(low01), _mm512_castps_pd(low23)));
    pairs[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(high01), _mm512_castps_pd(high23)));
    pairs[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(high01), _mm512_castps_pd(high23)));
  }
  for (int i = 0; i < 4; ++i) {  // quarter lanes q of pairs[i + 4 r] make rows 4 q + i
    const __m512 even01 = _mm512_shuffle_f32x4(pairs[i], pairs[i + 4], 0x88);
    const __m512 odd01 = _mm512_shuffle_f32x4(pairs[i], pairs[i + 4], 0xdd);
    const __m512 even23 = _mm512_shuffle_f32x4(pairs[i + 8], pairs[i + 12], 0x88);
    const __m512 odd23 = _mm512_shuffle_f32x4(pairs[i + 8], pairs[i + 12], 0xdd);
    rows[i] = _mm512_shuffle_f32x4(even01, even23, 0x88);
    rows[i + 4] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
    rows[i + 8] = _mm512_shuffle_f32x4(even01, even23, 0xdd);
    rows[i + 12] = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
  }
}

inline Lanes::V floor_of(Lanes::V x) {
  return _mm512_roundscale_ps(x, 0x09);
}

inline Lanes::V scale_by_floor(Lanes::V a, Lanes::V x) {
  return _mm512_scalef_ps(a, x);
}

inline Lanes::V keep_seen(Lanes::V score, float key, Lanes::V seen, float hidden) {
  return _mm512_mask_mov_ps(_mm512_set1_ps(hidden), _mm512_cmp_ps_mask(_mm512_set1_ps(key), seen, _CMP_LT_OQ),
                            score);
}

inline bool any_above(Lanes::V a, Lanes::V b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) != 0;
}

inline Lanes::V root(Lanes::V x) {
  return _mm512_sqrt_ps(x);
}

}  // namespace
}  // namespace atelier::kernels
