// The int8 product by tiles: up to 16 rows stream (linear_tiles_stream.h); more share a stretch of weights,
// and the next one is unpacked beside the first of them.
#pragma once

#include "kernels/cpu/linear_tiles_stream.h"

namespace atelier::kernels {
namespace {

// The stretch that is unpacked while another is multiplied.
template <DType kKind>
struct NextStretch {
  GroupReader<kKind>& reader;
  TileStretch& to;
  std::int64_t groups;

  void unpack(std::int64_t g) const {
    if (g < groups) reader.next(to, g);
  }
};

// One block of rows against one stretch. kRows >= valid, the rows that exist: what the sums hold past those
// is never stored.
template <DType kKind, int kRows>
void multiply_tiles(Tiles& tiles, const TileStretch& w, std::int64_t count, const Int8Rows& x,
                    const Output& out, std::int64_t valid, Stage stage, const NextStretch<kKind>& next) {
  constexpr Flavour kFlavour = kFlavourOf<kKind>;
  GroupSums sums[2];  // so that tiles run ahead
  F32 acc[kRows];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const bool begun = !stage.first && r < valid;
    acc[r] = begun ? load_part(out.y + r * out.stride, out.columns) : splat(0.0f);
  }
  const auto group_at = [&x](std::int64_t g) { return TileGroup{g, rows_from(x, g)}; };
  group_product<kFlavour, 0>(tiles, w, group_at(0), sums[0]);
  for (std::int64_t g = 0; g < count; g += 2) {
    if (g + 1 < count) group_product<kFlavour, 1>(tiles, w, group_at(g + 1), sums[1]);
    next.unpack(g);
    take_sums<kFlavour, kRows>(w, group_at(g), sums[0], acc);
    if (g + 1 >= count) break;
    if (g + 2 < count) group_product<kFlavour, 0>(tiles, w, group_at(g + 2), sums[0]);
    next.unpack(g + 1);
    take_sums<kFlavour, kRows>(w, group_at(g + 1), sums[1], acc);
  }
  for (std::int64_t g = count; g < next.groups; ++g) next.unpack(g);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    if (r >= valid) break;
    if (stage.last) {
      finish_row(out, r, acc[r]);
    } else {
      store_part(out.y + r * out.stride, acc[r], out.columns);
    }
  }
}

template <DType kKind>
using MultiplyTiles = void (*)(Tiles&, const TileStretch&, std::int64_t, const Int8Rows&, const Output&,
                               std::int64_t, Stage, const NextStretch<kKind>&);

template <DType kKind>
constexpr MultiplyTiles<kKind> kMultiplyTiles[4] = {multiply_tiles<kKind, 4>, multiply_tiles<kKind, 8>,
                                                    multiply_tiles<kKind, 12>, multiply_tiles<kKind, 16>};

// All rows against one stretch; the next one is unpacked beside the first of them.
template <DType kKind>
inline void multiply_rows_by_tiles(Tiles& tiles, const TileStretch& w, std::int64_t first_group,
                                   std::int64_t count, const Activations& x, Output out, Stage stage,
                                   NextStretch<kKind> next) {
  const std::int64_t y_block = x.block * out.stride;
  for (std::int64_t row = 0; row < x.rows; row += x.block, out.y += y_block) {
    const std::int64_t valid = x.block < x.rows - row ? x.block : x.rows - row;
    kMultiplyTiles<kKind>[(valid - 1) / 4](tiles, w, count, rows_at(x, row, first_group), out, valid, stage,
                                           next);
    next.groups = 0;
  }
}

template <DType kKind>
void linear_tiles_int8(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                       std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  Tiles tiles;
  configure_int8<kFlavourOf<kKind>.halves>(tiles, x.block);
  if (x.rows <= kTileRows) {
    kStreamBlock<kKind>[(x.rows - 1) / 4](tiles, w, x, bias, y, y_stride, begin, end);
    return tiles.release();
  }
  const std::int64_t groups = x.cols / kGroup;
  const auto count_from = [groups](std::int64_t g) {
    return g + kStretchGroups < groups ? kStretchGroups : groups - g;
  };
  TileStretch stretches[2];
  GroupReader<kKind> reader(w, begin);
  for (std::int64_t g = 0; g < count_from(0); ++g) reader.next(stretches[0], g);
  int now = 0;
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const Output out = output_of(w, bias, y, y_stride, panel);
    for (std::int64_t g = 0; g < groups; g += kStretchGroups, now = 1 - now) {
      const std::int64_t after = g + kStretchGroups < groups ? g + kStretchGroups : 0;
      const bool panel_ends = after == 0, all_read = panel_ends && panel + 1 == end;
      const NextStretch<kKind> next = {reader, stretches[1 - now], all_read ? 0 : count_from(after)};
      multiply_rows_by_tiles<kKind>(tiles, stretches[now], g, count_from(g), x, out, {g == 0, panel_ends},
                                    next);
    }
  }
  tiles.release();
}

}  // namespace
}  // namespace atelier::kernels
