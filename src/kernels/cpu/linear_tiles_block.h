// The bf16 product of one block of rows (up to 16) by tiles: as many as a decode step has. Four panels side
// by side, so that a product need not wait for the one before it (52 cycles), their sums in tiles from the
// first k to the last. The order of a row's sums is that of linear_tiles_bf16.h: the same bits.
#pragma once

#include "kernels/cpu/bf16_chunk.h"
#include "kernels/cpu/linear_dispatch.h"
#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

// Tiles 0..4 hold up to `rows` rows of sums and activations, 5..7 weights, or activations of 16 rows.
inline void configure_bf16(Tiles& tiles, std::int64_t rows) {
  const auto r = static_cast<std::uint16_t>(rows);
  const TileShape a = {r, 64}, w = {16, 64};
  const TileShape shape[8] = {a, a, a, a, a, w, w, w};
  tiles.configure(shape);
}

// Bytes wanted soon, fetched into L2 a share at a time.
struct Fetch {
  const std::uint8_t* at = nullptr;
  std::int64_t lines = 0;

  void share(std::int64_t part, std::int64_t parts) const {
    for (std::int64_t line = lines * part / parts; line < lines * (part + 1) / parts; ++line)
      prefetch_to_l2(at + line * 64);
  }
};

constexpr std::int64_t kBlockPanels = 4;
constexpr std::int64_t kBlockGroups = 4;  // at a time: 16 KiB of weights in L1
// How much of the first panels is fetched before the first product; from then on the next panels are fetched
// while these are multiplied.
constexpr std::int64_t kFirstBytes = 16384;

inline void multiply_block_stretch(Tiles& tiles, const std::uint16_t* a, std::int64_t a_stride,
                                   const std::uint8_t* const (&w)[kBlockPanels], std::int64_t groups) {
  for (std::int64_t g = 0; g < groups; ++g, a += a_stride) {
    const std::int64_t at = g * kGroupPairBytes;
    tiles.load<4>(a, 64);
    tiles.load<5>(w[0] + at, 64);
    tiles.dot_bf16<0, 4, 5>();
    tiles.load<6>(w[1] + at, 64);
    tiles.dot_bf16<1, 4, 6>();
    tiles.load<7>(w[2] + at, 64);
    tiles.dot_bf16<2, 4, 7>();
    tiles.load<5>(w[3] + at, 64);
    tiles.dot_bf16<3, 4, 5>();
  }
}

template <DType kKind>
void linear_block_bf16(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                       std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  const std::int64_t groups = x.cols / kGroup;
  PairChunk chunks[kBlockPanels];
  alignas(64) float sums[kBlockPanels][16 * 16];
  Tiles tiles;
  configure_bf16(tiles, x.block);
  for (std::int64_t p = begin; p < end && p < begin + kBlockPanels; ++p)
    Fetch{panel_data(w, p), (kFirstBytes < w.panel_bytes ? kFirstBytes : w.panel_bytes) / 64}.share(0, 1);
  for (std::int64_t first = begin; first < end; first += kBlockPanels) {
    const std::int64_t panels = first + kBlockPanels < end ? kBlockPanels : end - first;
    tiles.zero<0>();
    tiles.zero<1>();
    tiles.zero<2>();
    tiles.zero<3>();
    for (std::int64_t g = 0; g < groups; g += kBlockGroups) {
      const std::int64_t count = g + kBlockGroups < groups ? kBlockGroups : groups - g;
      const std::int64_t from = g / kLayout.record_groups * kLayout.record_bytes;
      const std::int64_t bytes = kBlockGroups * kLayout.record_bytes / kLayout.record_groups;
      const std::uint8_t* at[kBlockPanels];
      for (std::int64_t p = 0; p < panels; ++p) {
        at[p] = pairs_of_chunk<kKind>(panel_data(w, first + p), g, count, chunks[p]);
        if (first + p + kBlockPanels < end)
          Fetch{panel_data(w, first + p + kBlockPanels) + from +
                    g % kLayout.record_groups * bytes / kBlockGroups,
                (bytes + 63) / 64}
              .share(0, 1);
      }
      for (std::int64_t p = panels; p < kBlockPanels; ++p) at[p] = at[0];  // sums nobody takes
      multiply_block_stretch(tiles, x.bf16 + g * x.block * kGroup, x.block * kGroup, at, count);
    }
    tiles.store<0>(sums[0], 64);
    tiles.store<1>(sums[1], 64);
    tiles.store<2>(sums[2], 64);
    tiles.store<3>(sums[3], 64);
    for (std::int64_t p = 0; p < panels; ++p) {
      const Output out = output_of(w, bias, y, y_stride, first + p);
      for (std::int64_t r = 0; r < x.rows; ++r) finish_row(out, r, load(sums[p] + r * 16));
    }
  }
  tiles.release();
}

}  // namespace
}  // namespace atelier::kernels
