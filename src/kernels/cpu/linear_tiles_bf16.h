// The bf16 product by tiles: blocks of 2 x 2 tiles, 32 rows x 32 outputs, the sums staying in tiles over a
// stretch of k. Each tile product adds 32 k to a sum, in the order of k: a row's bits do not depend on how
// many came along.
#pragma once

#include "kernels/cpu/bf16_chunk.h"
#include "kernels/cpu/linear_dispatch.h"
#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

constexpr std::int64_t kPairTileRows = 16, kPairChunkRows = 512;
constexpr std::int64_t kPairL2Groups =
    32;  // 512 rows of 1,024 k: 1 MiB of activations in L2 while panels pass by

// The sums of all rows of a chunk between stretches of k: [block][panel of two][16][16].
struct PairSums {
  alignas(64) float sum[kPairChunkRows / kPairTileRows][2][16 * 16];
};

// Tile 0..3: sums [block][panel]; 4, 5: activations; 6, 7: weights.
inline void configure_bf16(Tiles& tiles, std::int64_t rows) {
  const auto r = static_cast<std::uint16_t>(rows);
  const TileShape a = {r, 64}, w = {16, 64};
  const TileShape shape[8] = {a, a, a, a, a, a, w, w};
  tiles.configure(shape);
}

struct PairOperands {
  const std::uint16_t* a[2];  // two blocks of rows
  std::int64_t a_stride;      // values from one group to the next
  const std::uint8_t* w[2];   // two panels
};

template <int kBlocks, int kPanels>
inline void multiply_pair_tiles(Tiles& tiles, const PairOperands& from, std::int64_t groups,
                                float (*sums)[2][16 * 16], bool begin) {
  if (begin) {
    tiles.zero<0>();
    tiles.zero<1>();
    tiles.zero<2>();
    tiles.zero<3>();
  } else {
    tiles.load<0>(sums[0][0], 64);
    if constexpr (kPanels == 2) tiles.load<1>(sums[0][1], 64);
    if constexpr (kBlocks == 2) tiles.load<2>(sums[1][0], 64);
    if constexpr (kBlocks == 2 && kPanels == 2) tiles.load<3>(sums[1][1], 64);
  }
  for (std::int64_t g = 0; g < groups; ++g) {
    tiles.load<6>(from.w[0] + g * kGroupPairBytes, 64);
    tiles.load<4>(from.a[0] + g * from.a_stride, 64);
    tiles.dot_bf16<0, 4, 6>();
    if constexpr (kPanels == 2) {
      tiles.load<7>(from.w[1] + g * kGroupPairBytes, 64);
      tiles.dot_bf16<1, 4, 7>();
    }
    if constexpr (kBlocks == 2) {
      tiles.load<5>(from.a[1] + g * from.a_stride, 64);
      tiles.dot_bf16<2, 5, 6>();
      if constexpr (kPanels == 2) tiles.dot_bf16<3, 5, 7>();
    }
  }
  tiles.store<0>(sums[0][0], 64);
  if constexpr (kPanels == 2) tiles.store<1>(sums[0][1], 64);
  if constexpr (kBlocks == 2) tiles.store<2>(sums[1][0], 64);
  if constexpr (kBlocks == 2 && kPanels == 2) tiles.store<3>(sums[1][1], 64);
}

// All blocks of rows against one or two panels' stretches.
template <int kPanels>
inline void multiply_pair_blocks(Tiles& tiles, const Activations& x, std::int64_t first_row,
                                 std::int64_t blocks, std::int64_t first_group, std::int64_t groups,
                                 const std::uint8_t* const* w, PairSums& sums) {
  const std::int64_t row_groups = x.cols / kGroup, block_values = row_groups * x.block * kGroup;
  const std::uint16_t* a = x.bf16 + (first_row / x.block * row_groups + first_group) * x.block * kGroup;
  std::int64_t block = 0;
  for (; block + 2 <= blocks; block += 2, a += 2 * block_values) {
    const PairOperands from = {{a, a + block_values}, x.block * kGroup, {w[0], w[kPanels - 1]}};
    multiply_pair_tiles<2, kPanels>(tiles, from, groups, sums.sum + block, first_group == 0);
  }
  if (block < blocks) {
    const PairOperands from = {{a, a}, x.block * kGroup, {w[0], w[kPanels - 1]}};
    multiply_pair_tiles<1, kPanels>(tiles, from, groups, sums.sum + block, first_group == 0);
  }
}

// Two panels against the rows [first_row, first_row + rows) over `count` groups, in stretches that keep the
// weights in L1. The sums go from and to y around it.
template <DType kKind>
inline void multiply_panel_pair(Tiles& tiles, const Activations& x, std::int64_t first_row, std::int64_t rows,
                                const std::uint8_t* const* panels, std::int64_t panel_count,
                                std::int64_t first_group, std::int64_t count, const Output* out,
                                PairSums& sums) {
  PairChunk chunks[2];
  const std::int64_t blocks = (rows + x.block - 1) / x.block, groups = x.cols / kGroup;
  if (first_group > 0) {
    for (std::int64_t p = 0; p < panel_count; ++p) {
      for (std::int64_t r = 0; r < rows; ++r)
        store(sums.sum[r / x.block][p] + r % x.block * 16,
              load_part(out[p].y + r * out[p].stride, out[p].columns));
    }
  }
  for (std::int64_t g = first_group; g < first_group + count; g += kPairGroups) {
    const std::int64_t left = first_group + count - g, stretch = left < kPairGroups ? left : kPairGroups;
    const std::uint8_t* at[2] = {nullptr, nullptr};
    for (std::int64_t p = 0; p < panel_count; ++p)
      at[p] = pairs_of_chunk<kKind>(panels[p], g, stretch, chunks[p]);
    if (panel_count == 2) {
      multiply_pair_blocks<2>(tiles, x, first_row, blocks, g, stretch, at, sums);
    } else {
      multiply_pair_blocks<1>(tiles, x, first_row, blocks, g, stretch, at, sums);
    }
  }
  const bool last = first_group + count == groups;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t p = 0; p < panel_count; ++p) {
      const F32 sum = load(sums.sum[r / x.block][p] + r % x.block * 16);
      if (last) {
        finish_row(out[p], r, sum);
      } else {
        store_part(out[p].y + r * out[p].stride, sum, out[p].columns);
      }
    }
  }
}

template <DType kKind>
void linear_tiles_bf16(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                       std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  Tiles tiles;
  PairSums sums;
  configure_bf16(tiles, x.block);
  const std::int64_t groups = x.cols / kGroup;
  for (std::int64_t row = 0; row < x.rows; row += kPairChunkRows) {
    const std::int64_t rows = row + kPairChunkRows < x.rows ? kPairChunkRows : x.rows - row;
    for (std::int64_t g = 0; g < groups; g += kPairL2Groups) {
      const std::int64_t count = g + kPairL2Groups < groups ? kPairL2Groups : groups - g;
      for (std::int64_t panel = begin; panel < end; panel += 2) {
        const std::int64_t panels = panel + 2 <= end ? 2 : 1;
        const std::uint8_t* at[2] = {nullptr, nullptr};
        Output out[2];
        for (std::int64_t p = 0; p < panels; ++p) {
          at[p] = panel_data(w, panel + p);
          out[p] = output_of(w, bias, y + row * y_stride, y_stride, panel + p);
        }
        multiply_panel_pair<kKind>(tiles, x, row, rows, at, panels, g, count, out, sums);
      }
    }
  }
  tiles.release();
}

// Ops::linear of the tables with tiles. Few rows of int8 go to the vector kernels: the same bits, sooner.
inline void linear_with_tiles(const PackedMatrix& w, const Activations& x, ActivationForm form,
                              const float* bias, float* y, std::int64_t y_stride, std::int64_t begin,
                              std::int64_t end) {
  switch (form) {
    case ActivationForm::kInt8:
      if (x.rows < kTilesFromRows) return linear_by_int8(w, x, bias, y, y_stride, begin, end);
      return visit_quantised(
          w.source, [&]<DType kKind>() { linear_tiles_int8<kKind>(w, x, bias, y, y_stride, begin, end); });
    case ActivationForm::kBF16:
      return visit_any(w.source,
                       [&]<DType kKind>() { linear_tiles_bf16<kKind>(w, x, bias, y, y_stride, begin, end); });
    case ActivationForm::kF32:
      return linear_by_f32<false>(w, x, bias, y, y_stride, begin, end);
  }
}

}  // namespace
}  // namespace atelier::kernels
