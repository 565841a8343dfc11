// The bf16 product of up to 64 rows by tiles: as many as a decode step has. One block of 16 rows takes four
// panels side by side, two blocks two, three and four blocks one: four sums at work, so that a product need
// not wait for the one before it (52 cycles), which stay in tiles from the first k to the last. The order of
// a row's sums is that of linear_tiles_bf16.h: the same bits.
#pragma once

#include "kernels/cpu/linear_dispatch.h"
#include "kernels/cpu/pair_ring.h"
#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

constexpr std::int64_t kMostBlocks = 4;

// Tiles 0..4 hold up to `rows` rows of sums and activations, 5..7 weights, or activations of 16 rows.
inline void configure_bf16(Tiles& tiles, std::int64_t rows) {
  const auto r = static_cast<std::uint16_t>(rows);
  const TileShape a = {r, 64}, w = {16, 64};
  const TileShape shape[8] = {a, a, a, a, a, w, w, w};
  tiles.configure(shape);
}

// Tile [block][panel] of sums += group g: activations `a`, whose blocks are `apart` values apart, x weights.
template <int kBlocks, class Weights>
inline void multiply_group(Tiles& tiles, const std::uint16_t* a, std::int64_t apart, const Weights& w,
                           std::int64_t g) {
  if constexpr (kBlocks == 1) {
    tiles.load<4>(a, 64);
    tiles.load<5>(w.pairs(0, g), 64);
    tiles.dot_bf16<0, 4, 5>();
    tiles.load<6>(w.pairs(1, g), 64);
    tiles.dot_bf16<1, 4, 6>();
    tiles.load<7>(w.pairs(2, g), 64);
    tiles.dot_bf16<2, 4, 7>();
    tiles.load<5>(w.pairs(3, g), 64);
    tiles.dot_bf16<3, 4, 5>();
  } else if constexpr (kBlocks == 2) {
    tiles.load<6>(w.pairs(0, g), 64);
    tiles.load<4>(a, 64);
    tiles.dot_bf16<0, 4, 6>();
    tiles.load<7>(w.pairs(1, g), 64);
    tiles.dot_bf16<1, 4, 7>();
    tiles.load<5>(a + apart, 64);
    tiles.dot_bf16<2, 5, 6>();
    tiles.dot_bf16<3, 5, 7>();
  } else {
    tiles.load<7>(w.pairs(0, g), 64);
    tiles.load<4>(a, 64);
    tiles.dot_bf16<0, 4, 7>();
    tiles.load<5>(a + apart, 64);
    tiles.dot_bf16<1, 5, 7>();
    tiles.load<6>(a + 2 * apart, 64);
    tiles.dot_bf16<2, 6, 7>();
    if constexpr (kBlocks == 4) {
      tiles.load<4>(a + 3 * apart, 64);
      tiles.dot_bf16<3, 4, 7>();
    }
  }
}

template <DType kKind, int kBlocks>
void multiply_few_blocks(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                         std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  constexpr int kPanels = kBlocks > 2 ? 1 : 4 / kBlocks;
  alignas(64) float sums[4][16 * 16];  // as the tiles: [block][panel]
  PairRing<kKind, kPanels> weights(w, begin, end);
  Tiles tiles;
  configure_bf16(tiles, x.block);
  for (std::int64_t first = begin; first < end; first += kPanels) {
    weights.take(first);
    tiles.zero<0>();
    tiles.zero<1>();
    tiles.zero<2>();
    tiles.zero<3>();
    for (std::int64_t g = 0; g < x.cols / kGroup; ++g) {
      multiply_group<kBlocks>(tiles, x.bf16 + g * x.block * kGroup, x.cols * x.block, weights, g);
      weights.unpack(g + weights.kAhead);
    }
    tiles.store<0>(sums[0], 64);
    tiles.store<1>(sums[1], 64);
    tiles.store<2>(sums[2], 64);
    tiles.store<3>(sums[3], 64);
    for (std::int64_t p = 0; p < weights.panels(); ++p) {
      const Output out = output_of(w, bias, y, y_stride, first + p);
      for (std::int64_t r = 0; r < x.rows; ++r)
        finish_row(out, r, load(sums[r / kBlockRows * kPanels + p] + r % kBlockRows * 16));
    }
  }
  tiles.release();
}

template <DType kKind>
void linear_few_blocks_bf16(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                            std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  switch ((x.rows + kBlockRows - 1) / kBlockRows) {
    case 1:
      return multiply_few_blocks<kKind, 1>(w, x, bias, y, y_stride, begin, end);
    case 2:
      return multiply_few_blocks<kKind, 2>(w, x, bias, y, y_stride, begin, end);
    case 3:
      return multiply_few_blocks<kKind, 3>(w, x, bias, y, y_stride, begin, end);
    default:
      return multiply_few_blocks<kKind, kMostBlocks>(w, x, bias, y, y_stride, begin, end);
  }
}

}  // namespace
}  // namespace atelier::kernels
