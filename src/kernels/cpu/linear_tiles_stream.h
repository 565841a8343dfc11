// The int8 product of one block of rows (up to 16) by tiles, as many as a decode step has: the groups stream
// past from the first panel to the last, each product made while the sums of the one before are taken. The
// line of products never runs dry between two panels.
#pragma once

#include "kernels/cpu/tile_groups.h"

namespace atelier::kernels {
namespace {

// How many groups ahead of its product a group is unpacked.
constexpr int kStreamAhead = 6;
static_assert(kStreamAhead < kStretchGroups);

// kRows >= the rows. The stretch is a ring of groups.
template <DType kKind, int kRows>
void stream_block(Tiles& tiles, const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                  std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  constexpr Flavour kFlavour = kFlavourOf<kKind>;
  const std::int64_t groups = x.cols / kGroup, total = groups * (end - begin);
  if (total == 0) return;
  const Int8Rows rows = rows_at(x, 0, 0);
  GroupReader<kKind> reader(w, begin);
  TileStretch ring;
  GroupSums sums[2];
  std::int64_t unpacked = 0;
  const auto unpack = [&] {
    if (unpacked == total) return;
    reader.next(ring, unpacked % kStretchGroups);
    ++unpacked;
  };
  for (int g = 0; g < kStreamAhead; ++g) unpack();
  group_product<kFlavour, 0>(tiles, ring, {0, rows}, sums[0]);
  std::int64_t done = 0;  // groups
  for (std::int64_t panel = begin; panel < end; ++panel) {
    F32 acc[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[r] = splat(0.0f);
    for (std::int64_t g = 0; g < groups; ++g, ++done) {
      const TileGroup now = {done % kStretchGroups, rows_from(rows, g)};
      const TileGroup next = {(done + 1) % kStretchGroups, rows_from(rows, g + 1 < groups ? g + 1 : 0)};
      if (done + 1 < total) group_product<kFlavour, 0>(tiles, ring, next, sums[(done + 1) % 2]);
      unpack();
      take_sums<kFlavour, kRows>(ring, now, sums[done % 2], acc);
    }
    const Output out = output_of(w, bias, y, y_stride, panel);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      if (r < x.rows) finish_row(out, r, acc[r]);
    }
  }
}

using StreamBlock = void (*)(Tiles&, const PackedMatrix&, const Activations&, const float*, float*,
                             std::int64_t, std::int64_t, std::int64_t);

template <DType kKind>
constexpr StreamBlock kStreamBlock[4] = {stream_block<kKind, 4>, stream_block<kKind, 8>,
                                         stream_block<kKind, 12>, stream_block<kKind, 16>};

}  // namespace
}  // namespace atelier::kernels
