// The tiles of attention by VDPBF16PS, for processors without AMX: a product of whole tiles keeps its 16 rows
// of sums in registers. Each lane's sum takes the pairs of k in order, subnormals as zero; a tile of one row
// takes every fourth pair in a sum of its own. So rows do not depend on one another, but the order differs
// from AMX's.
//
// A tile is where its rows stand: load only takes the address, so what is loaded must stay as it is until the
// tile is used for the last time, and stands in whole lines, stride 64.
#pragma once

#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

class Tiles {
 public:
  void configure(const TileShape (&shape)[8]) {
    for (int i = 0; i < 8; ++i) rows_[i] = shape[i].rows;
  }
  void release() {}

  template <int kTile>
  void zero() {
    at_[kTile] = nullptr;
  }
  template <int kTile>
  void load(const void* from, std::int64_t /*stride*/) {
    at_[kTile] = static_cast<const float*>(from);
  }
  template <int kTile>
  void store(void* to, std::int64_t /*stride*/) const {
    for (int row = 0; row < rows_[kTile]; ++row)
      _mm512_store_ps(static_cast<float*>(to) + 16 * row, row_of<kTile>(row));
  }
  template <int kSum, int kA, int kB>
  void dot_bf16() {
    if (rows_[kSum] == 1) {
      dot_row<kSum, kA, kB>();
    } else {
      dot_whole<kSum, kA, kB>();
    }
    at_[kSum] = sums_[kSum];
  }

 private:
  template <int kTile>
  __m512 row_of(int row) const {
    return at_[kTile] == nullptr ? _mm512_setzero_ps() : _mm512_load_ps(at_[kTile] + 16 * row);
  }
  // sum + pair `k` of a row of A times row `k` of B.
  static __m512 added(__m512 sum, const float* a, const float* b, int k) {
    const __m512 pair = _mm512_set1_ps(a[k]), row = _mm512_load_ps(b + 16 * k);
    return _mm512_dpbf16_ps(sum, (__m512bh)row, (__m512bh)pair);
  }

  template <int kSum, int kA, int kB>
  void dot_whole() {
    const float *a = at_[kA], *b = at_[kB];
    __m512 sum[16];
#pragma GCC unroll 16
    for (int row = 0; row < 16; ++row) sum[row] = row_of<kSum>(row);
    for (int k = 0; k < 16; ++k) {
#pragma GCC unroll 16
      for (int row = 0; row < 16; ++row) sum[row] = added(sum[row], a + 16 * row, b, k);
    }
#pragma GCC unroll 16
    for (int row = 0; row < 16; ++row) _mm512_store_ps(sums_[kSum] + 16 * row, sum[row]);
  }

  template <int kSum, int kA, int kB>
  void dot_row() {
    const float *a = at_[kA], *b = at_[kB];
    __m512 sum[4] = {row_of<kSum>(0), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
#pragma GCC unroll 16
    for (int k = 0; k < 16; ++k) sum[k % 4] = added(sum[k % 4], a, b, k);
    _mm512_store_ps(sums_[kSum], _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3])));
  }

  int rows_[8] = {};
  const float* at_[8] = {};  // null: zeros
  alignas(64) float sums_[8][256];
};

}  // namespace
}  // namespace atelier::kernels
