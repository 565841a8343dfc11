// Groups of weights on their way through int8 tiles: unpacked into a stretch, one tile product of 16 rows x
// 16 outputs x 32 k each (16 where scales hold for 16 values), its integers taken into 16 float sums exactly
// as accumulate() of linear_int8.h does: the same bits.
//
// What bounds it are the float instructions on a product's 256 integers: beside tiles only one of the two
// 512-bit units does float arithmetic. All else must fit into their shadow, so weights are unpacked group by
// group between the products of those before.
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

// A group's integer products on their way from tiles to the sums; half[1] where it has two scales.
struct GroupSums {
  alignas(64) std::int32_t half[2][kTileRows * 16];
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
    for (std::int64_t line = 0; line < kAhead<kKind>.into_l2; line += 64) prefetch_to_l2(record_ + line);
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

// A group of the weights and of the rows.
struct TileGroup {
  std::int64_t at;  // in the stretch
  Int8Rows x;       // from the group on
};

template <Flavour kFlavour, int kSlot>
inline void tile_product(Tiles& tiles, const TileStretch& w, const TileGroup& group, int half,
                         std::int32_t* sums) {
  constexpr int kA = 4 + kSlot, kW = 6 + kSlot;
  tiles.zero<kSlot>();
  tiles.load<kA>(group.x.q8 + half * 16, kGroup);
  tiles.load<kW>(w.quads[group.at] + half * 256, 64);
  tiles.dot_i8<kSlot, kA, kW>();
  tiles.store<kSlot>(sums, 64);
}

template <Flavour kFlavour, int kSlot>
inline void group_product(Tiles& tiles, const TileStretch& w, const TileGroup& group, GroupSums& sums) {
  if constexpr (kFlavour.halves) {
    tile_product<kFlavour, 0>(tiles, w, group, 0, sums.half[0]);
    tile_product<kFlavour, 1>(tiles, w, group, 1, sums.half[1]);
  } else {
    tile_product<kFlavour, kSlot>(tiles, w, group, 0, sums.half[0]);
  }
}

template <Flavour kFlavour, int kRows>
inline void take_sums(const TileStretch& w, const TileGroup& group, const GroupSums& sums, F32* acc) {
  constexpr int kHalves = kFlavour.halves ? 2 : 1;
  const Int8Rows& x = group.x;
  F32 d[kHalves], m[kHalves];
  for (int half = 0; half < kHalves; ++half) {
    d[half] = load(w.d[half] + group.at * 16);
    m[half] = kFlavour.has_min ? load(w.m[half] + group.at * 16) : d[half];
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const I32 sum = load_i32(sums.half[0] + r * 16);
    if constexpr (kFlavour.halves) {
      const std::int32_t minus = x.minus_half_sum[r];
      const F32 first = with_half<kFlavour.has_min>(splat(0.0f), sum, d[0], m[0], minus);
      const F32 both = with_half<kFlavour.has_min>(first, load_i32(sums.half[1] + r * 16), d[1], m[1],
                                                   x.minus_sum[r] - minus);
      acc[r] = fused(both, splat(x.scale[r]), acc[r]);
    } else {
      acc[r] = with_group<kFlavour.has_min>(acc[r], sum, d[0], m[0], x.scale[r], x.scaled_sum[r]);
    }
  }
}

}  // namespace
}  // namespace atelier::kernels
