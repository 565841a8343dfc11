// The int8 product by tiles: per group one tile product of 16 rows x 16 outputs x 32 k (16 where scales hold
// for 16 values), its integers taken into 16 float sums exactly as accumulate() of linear_int8.h does: the
// same bits.
//
// What bounds it are the float instructions on a product's 256 integers: beside tiles only one of the two
// 512-bit units does float arithmetic. All else must fit into their shadow, so the next stretch of weights is
// unpacked group by group between the products of this one.
#pragma once

#include "kernels/cpu/linear_int8.h"
#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

constexpr int kTileRows = 16;

// Groups multiplied between two visits to y: two stretches stay in L1 beside the rows.
constexpr std::int64_t kStretchGroups = 16;

// A stretch of one panel, unpacked to signed bytes.
struct TileStretch {
  const std::uint8_t* quads[kStretchGroups];  // in `unpacked`, or in the panel where it holds bytes
  alignas(64) std::uint8_t unpacked[kStretchGroups * 512];
  alignas(64) float d[2][kStretchGroups * 16];  // [1]: the second half group's
  alignas(64) float m[2][kStretchGroups * 16];
};

// Integer products on their way from a tile to the sums; several, so that tiles run ahead.
struct TileSums {
  alignas(64) std::int32_t sum[2][kTileRows * 16];
};

// Tile 0, 1: sums; 4, 5: activations; 6, 7: weights.
template <bool kHalves>
inline void configure_int8(Tiles& tiles, std::int64_t rows) {
  const auto r = static_cast<std::uint16_t>(rows);
  const TileShape sums = {r, 64};
  const TileShape a = {r, kHalves ? 16 : 32}, w = {kHalves ? 4 : 8, 64};
  const TileShape shape[8] = {sums, sums, sums, sums, a, a, w, w};
  tiles.configure(shape);
}

// The groups of consecutive panels, one after the other.
template <DType kKind>
class GroupReader {
 public:
  GroupReader(const PackedMatrix& w, std::int64_t panel)
      : record_(panel_data(w, panel)), groups_(w.padded_k / kGroup) {
    for (std::int64_t line = 0; line < kFarBytes<kKind>; line += 64) prefetch_to_l2(record_ + line);
  }

  // Unpacks the next group to place `at` of the stretch.
  void next(TileStretch& to, std::int64_t at) {
    fetch_behind<kKind>(record_, group_);
    if constexpr (kLayout.bytes_stride > 0) {
      to.quads[at] = record_ + kLayout.bytes + group_ * kLayout.bytes_stride;
    } else {
      Quad w[8];
      unpack_quads<kKind>(record_, group_, w);
      to.quads[at] = to.unpacked + at * 512;
      for (int q = 0; q < 8; ++q) {
        if constexpr (kOffsetOf<kKind> > 0) w[q] = minus_offset(w[q], kOffsetOf<kKind>);
        store_quad(to.unpacked + at * 512 + q * 64, w[q]);
      }
    }
    const GroupScales scales = group_scales<kKind>(record_scales<kKind>(record_), record_, group_);
    for (int half = 0; half < (kLayout.halves ? 2 : 1); ++half) {
      store(to.d[half] + at * 16, scales.d[half]);
      if constexpr (kLayout.has_min) store(to.m[half] + at * 16, scales.m[half]);
    }
    advance();
  }

 private:
  static constexpr PanelLayout kLayout = panel_layout(kKind);

  void advance() {
    ++group_;
    ++done_;
    const bool panel_ends = done_ == groups_;
    if (group_ < kLayout.record_groups && !panel_ends) return;
    record_ += kLayout.record_bytes;
    group_ = 0;
    if (panel_ends) done_ = 0;
  }

  const std::uint8_t* record_;
  std::int64_t groups_;
  std::int64_t group_ = 0, done_ = 0;  // of the record; of the panel
};

// Part `part` of the stretch: a group, or half of one.
template <Flavour kFlavour, int kSlot>
inline void tile_product(Tiles& tiles, const TileStretch& w, const Int8Rows& x, std::int64_t part,
                         TileSums& sums) {
  constexpr std::int64_t kParts = kFlavour.halves ? 2 : 1;
  constexpr int kA = 4 + kSlot, kW = 6 + kSlot;
  const std::int64_t g = part / kParts, half = part % kParts;
  tiles.zero<kSlot>();
  tiles.load<kA>(x.q8 + g * x.stride * kGroup + half * 16, kGroup);
  tiles.load<kW>(w.quads[g] + half * 256, 64);
  tiles.dot_i8<kSlot, kA, kW>();
  tiles.store<kSlot>(sums.sum[kSlot], 64);
}

template <Flavour kFlavour, int kSlot, int kRows>
inline void take_sums(const TileStretch& w, const Int8Rows& x, std::int64_t part, const TileSums& sums,
                      F32* acc) {
  constexpr std::int64_t kParts = kFlavour.halves ? 2 : 1;
  const std::int64_t g = part / kParts, half = part % kParts, at = g * x.stride;
  const F32 d = load(w.d[half] + g * 16);
  const F32 m = kFlavour.has_min ? load(w.m[half] + g * 16) : d;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const F32 sum = to_f32(load_i32(sums.sum[kSlot] + r * 16));
    acc[r] = fused(sum, mul(d, splat(x.scale[at + r])), acc[r]);
    if constexpr (kFlavour.has_min && kFlavour.halves) {
      const std::int32_t first = x.minus_half_sum[at + r];
      const std::int32_t minus = half == 0 ? first : x.minus_sum[at + r] - first;
      acc[r] = fused(m, splat(-x.scale[at + r] * static_cast<float>(minus)), acc[r]);
    } else if constexpr (kFlavour.has_min) {
      acc[r] = fused(m, splat(x.scaled_sum[at + r]), acc[r]);
    }
  }
}

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
  constexpr std::int64_t kParts = kFlavour.halves ? 2 : 1;
  TileSums sums;
  F32 acc[kRows];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const bool begun = !stage.first && r < valid;
    acc[r] = begun ? load_part(out.y + r * out.stride, out.columns) : splat(0.0f);
  }
  const std::int64_t parts = count * kParts;
  tile_product<kFlavour, 0>(tiles, w, x, 0, sums);
  for (std::int64_t part = 0; part < parts; part += 2) {
    if (part + 1 < parts) tile_product<kFlavour, 1>(tiles, w, x, part + 1, sums);
    next.unpack(part / kParts);
    take_sums<kFlavour, 0, kRows>(w, x, part, sums, acc);
    if (part + 1 >= parts) break;
    if (part + 2 < parts) tile_product<kFlavour, 0>(tiles, w, x, part + 2, sums);
    if constexpr (kParts == 1) next.unpack(part + 1);
    take_sums<kFlavour, 1, kRows>(w, x, part + 1, sums, acc);
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
