// The int8 product by tiles: per group one tile product of 16 rows x 16 outputs x 32 k (16 where scales hold
// for 16 values), its integers taken into 16 float sums exactly as accumulate() of linear_int8.h does: the
// same bits.
#pragma once

#include "kernels/cpu/linear_int8.h"
#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

constexpr int kTileRows = 16;
// Panels unpacked together: a block's activations come from L2 once for all of them, and y is written 256
// bytes at a time where its rows lie pages apart.
constexpr std::int64_t kTilePanels = 4;

// Integer products on their way from a tile to the sums; several, so that tiles run ahead.
struct TileSums {
  alignas(64) std::int32_t sum[4][kTileRows * 16];
};

// Tile 0..3: sums; 4, 5: activations; 6, 7: weights.
template <bool kHalves>
inline void configure_int8(Tiles& tiles, std::int64_t rows) {
  const auto r = static_cast<std::uint16_t>(rows);
  const TileShape sums = {r, 64};
  const TileShape a = {r, kHalves ? 16 : 32}, w = {kHalves ? 4 : 8, 64};
  const TileShape shape[8] = {sums, sums, sums, sums, a, a, w, w};
  tiles.configure(shape);
}

// Part `part` of the stretch: a group, or half of one.
template <Flavour kFlavour, int kSlot>
inline void tile_product(Tiles& tiles, const Chunk& chunk, const Int8Rows& x, std::int64_t part,
                         TileSums& sums) {
  constexpr std::int64_t kParts = kFlavour.halves ? 2 : 1;
  constexpr int kA = 4 + kSlot % 2, kW = 6 + kSlot % 2;
  const std::int64_t g = part / kParts, half = part % kParts;
  tiles.zero<kSlot>();
  tiles.load<kA>(x.q8 + g * x.stride * kGroup + half * 16, kGroup);
  tiles.load<kW>(chunk.quads + g * 512 + half * 256, 64);
  tiles.dot_i8<kSlot, kA, kW>();
  tiles.store<kSlot>(sums.sum[kSlot], 64);
}

template <Flavour kFlavour, int kSlot, int kRows>
inline void take_sums(const Chunk& chunk, const Int8Rows& x, std::int64_t part, const TileSums& sums,
                      F32* acc) {
  constexpr std::int64_t kParts = kFlavour.halves ? 2 : 1;
  const std::int64_t g = part / kParts, half = part % kParts, at = g * x.stride;
  const F32 d = load(chunk.d[half] + g * 16);
  const F32 m = kFlavour.has_min ? load(chunk.m[half] + g * 16) : d;
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

// One block of rows against one chunk. kRows >= valid, the rows that exist: what the sums hold past those is
// never stored.
template <Flavour kFlavour, int kRows>
void multiply_tiles(Tiles& tiles, const Chunk& chunk, std::int64_t count, const Int8Rows& x,
                    const Output& out, std::int64_t valid, Stage stage, Ahead ahead) {
  constexpr std::int64_t kParts = kFlavour.halves ? 2 : 1;
  fetch_output(out, valid);
  TileSums sums;
  F32 acc[kRows];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const bool begun = !stage.first && r < valid;
    acc[r] = begun ? load_part(out.y + r * out.stride, out.columns) : splat(0.0f);
  }
  const std::int64_t parts = count * kParts;
  tile_product<kFlavour, 0>(tiles, chunk, x, 0, sums);
  std::int64_t part = 0;
  for (; part + 2 < parts; part += 2) {
    fetch_ahead(ahead, part / kParts);
    if constexpr (kParts == 1) fetch_ahead(ahead, part + 1);
    tile_product<kFlavour, 1>(tiles, chunk, x, part + 1, sums);
    take_sums<kFlavour, 0, kRows>(chunk, x, part, sums, acc);
    tile_product<kFlavour, 0>(tiles, chunk, x, part + 2, sums);
    take_sums<kFlavour, 1, kRows>(chunk, x, part + 1, sums, acc);
  }
  if (part + 1 < parts) tile_product<kFlavour, 1>(tiles, chunk, x, part + 1, sums);
  take_sums<kFlavour, 0, kRows>(chunk, x, part, sums, acc);
  if (part + 1 < parts) take_sums<kFlavour, 1, kRows>(chunk, x, part + 1, sums, acc);
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

using MultiplyTiles = void (*)(Tiles&, const Chunk&, std::int64_t, const Int8Rows&, const Output&,
                               std::int64_t, Stage, Ahead);

template <Flavour kFlavour>
constexpr MultiplyTiles kMultiplyTiles[4] = {multiply_tiles<kFlavour, 4>, multiply_tiles<kFlavour, 8>,
                                             multiply_tiles<kFlavour, 12>, multiply_tiles<kFlavour, 16>};

template <DType kKind>
void linear_tiles_int8(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                       std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  constexpr Flavour kFlavour = kFlavourOf<kKind>;
  Chunk chunks[kTilePanels];
  Tiles tiles;
  configure_int8<kFlavour.halves>(tiles, x.block);
  const std::int64_t groups = x.cols / kGroup;
  for (std::int64_t first = 0; first < x.rows; first += kChunkRows) {
    const std::int64_t last = first + kChunkRows < x.rows ? first + kChunkRows : x.rows;
    for (std::int64_t g = 0; g < groups; g += kChunkGroups) {
      const std::int64_t count = g + kChunkGroups < groups ? kChunkGroups : groups - g;
      const Stage stage = {g == 0, g + count == groups};
      for (std::int64_t panel = begin; panel < end; panel += kTilePanels) {
        const std::int64_t panels = panel + kTilePanels < end ? kTilePanels : end - panel;
        Output out[kTilePanels];
        for (std::int64_t p = 0; p < panels; ++p) {
          unpack_chunk<kKind, true>(panel_data(w, panel + p), g, count, chunks[p]);
          out[p] = output_of(w, bias, y + first * y_stride, y_stride, panel + p);
        }
        for (std::int64_t row = first; row < last; row += x.block) {
          const std::int64_t valid = x.block < last - row ? x.block : last - row;
          const MultiplyTiles multiply = kMultiplyTiles<kFlavour>[(valid - 1) / 4];
          for (std::int64_t p = 0; p < panels; ++p) {
            const Ahead ahead = row == first ? ahead_of<kKind>(w, panel + p, kTilePanels, g) : Ahead{};
            multiply(tiles, chunks[p], count, rows_at(x, row, g), out[p], valid, stage, ahead);
            out[p].y += x.block * y_stride;
          }
        }
      }
    }
  }
  tiles.release();
}

}  // namespace
}  // namespace atelier::kernels
