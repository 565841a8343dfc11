// The bf16 product by tiles: blocks of 2 x 2 tiles, 32 rows x 32 outputs, the sums staying in tiles over a
// stretch of 256 k and in y from one stretch to the next. Each tile product adds 32 k to a sum, in the order
// of k: a row's bits do not depend on how many came along.
#pragma once

#include "kernels/cpu/bf16_chunk.h"
#include "kernels/cpu/linear_dispatch.h"
#include "kernels/cpu/linear_tiles_block.h"
#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

// 512 rows of one stretch are 256 KiB: with y they stay in L2 while all panels pass by.
constexpr std::int64_t kPairChunkRows = 512;
// Activations of more than this leave L2 before their next stretch comes: it is fetched ahead.
constexpr std::int64_t kPairResidentBytes = 1 << 20;

// Bytes wanted soon, fetched into L2 a share at a time.
struct Fetch {
  const std::uint8_t* at = nullptr;
  std::int64_t lines = 0;

  void share(std::int64_t part, std::int64_t parts) const {
    for (std::int64_t line = lines * part / parts; line < lines * (part + 1) / parts; ++line)
      prefetch_to_l2(at + line * 64);
  }
};

// Where one tile of sums lies in y.
struct SumTile {
  float* y;
  std::int64_t stride;
  std::int64_t rows, columns;  // that exist
};

// A tile at the edge of y has a place of its own while it is in work.
struct EdgeTile {
  alignas(64) float sum[16 * 16];

  void take(const SumTile& from) {
    for (std::int64_t r = 0; r < from.rows; ++r)
      store(sum + r * 16, load_part(from.y + r * from.stride, from.columns));
  }
  void give(const SumTile& to) const {
    for (std::int64_t r = 0; r < to.rows; ++r)
      store_part(to.y + r * to.stride, load(sum + r * 16), to.columns);
  }
};

// Tile 0..3: sums [block][panel]; 4, 5: activations; 6, 7: weights.
struct PairOperands {
  const std::uint16_t* a[2];  // two blocks of rows
  std::int64_t a_stride;      // values from one group to the next
  const std::uint8_t* w[2];   // two panels
  std::int64_t groups;
};

// Up to 2 x 2 tiles over one stretch. `sums` [2 blocks][2 panels], their rows `stride` bytes apart.
template <int kBlocks, int kPanels>
inline void multiply_tiles(Tiles& tiles, const PairOperands& from, float* const (&sums)[2][2],
                           std::int64_t stride, bool begin) {
  if (begin) {
    tiles.zero<0>();
    tiles.zero<1>();
    tiles.zero<2>();
    tiles.zero<3>();
  } else {
    tiles.load<0>(sums[0][0], stride);
    if constexpr (kPanels == 2) tiles.load<1>(sums[0][1], stride);
    if constexpr (kBlocks == 2) tiles.load<2>(sums[1][0], stride);
    if constexpr (kBlocks == 2 && kPanels == 2) tiles.load<3>(sums[1][1], stride);
  }
  const std::uint16_t *a0 = from.a[0], *a1 = from.a[1];
  const std::uint8_t *w0 = from.w[0], *w1 = from.w[1];
  const std::int64_t a_stride = from.a_stride;
  for (std::int64_t g = from.groups; g > 0; --g) {
    tiles.load<6>(w0, 64);
    tiles.load<4>(a0, 64);
    tiles.dot_bf16<0, 4, 6>();
    if constexpr (kPanels == 2) {
      tiles.load<7>(w1, 64);
      tiles.dot_bf16<1, 4, 7>();
    }
    if constexpr (kBlocks == 2) {
      tiles.load<5>(a1, 64);
      tiles.dot_bf16<2, 5, 6>();
      if constexpr (kPanels == 2) tiles.dot_bf16<3, 5, 7>();
    }
    a0 += a_stride;
    a1 += a_stride;
    w0 += kGroupPairBytes;
    w1 += kGroupPairBytes;
  }
  tiles.store<0>(sums[0][0], stride);
  if constexpr (kPanels == 2) tiles.store<1>(sums[0][1], stride);
  if constexpr (kBlocks == 2) tiles.store<2>(sums[1][0], stride);
  if constexpr (kBlocks == 2 && kPanels == 2) tiles.store<3>(sums[1][1], stride);
}

// The same where y has an edge: its tiles have places of their own while they are in work.
template <int kBlocks, int kPanels>
void multiply_edge_tiles(Tiles& tiles, const PairOperands& from, const SumTile (&out)[2][2], bool begin) {
  EdgeTile edges[2][2];
  float* const sums[2][2] = {{edges[0][0].sum, edges[0][1].sum}, {edges[1][0].sum, edges[1][1].sum}};
  for (int b = 0; b < kBlocks; ++b)
    for (int p = 0; p < kPanels && !begin; ++p) edges[b][p].take(out[b][p]);
  multiply_tiles<kBlocks, kPanels>(tiles, from, sums, 64, begin);
  for (int b = 0; b < kBlocks; ++b)
    for (int p = 0; p < kPanels; ++p) edges[b][p].give(out[b][p]);
}

// One or two panels of a product at work: rows [first_row, first_row + rows) of x against them.
struct PanelPair {
  const PackedMatrix& w;
  const Activations& x;
  const float* bias;
  float* y;  // of row 0
  std::int64_t y_stride, first_row, rows, panel, panels;

  Output output(std::int64_t p) const {
    return output_of(w, bias, y + first_row * y_stride, y_stride, panel + p);
  }
  SumTile tile(std::int64_t block, std::int64_t p) const {
    const Output out = output(p);
    const std::int64_t done = block * x.block, left = rows - done;
    return {out.y + done * y_stride, y_stride, left < x.block ? left : x.block, out.columns};
  }
};

template <int kBlocks, int kPanels>
inline void multiply_blocks(Tiles& tiles, const PanelPair& pair, const PairOperands& from, std::int64_t block,
                            bool begin) {
  SumTile out[2][2];
  bool whole = true;
  for (int b = 0; b < kBlocks; ++b) {
    for (int p = 0; p < kPanels; ++p) {
      out[b][p] = pair.tile(block + b, p);
      whole = whole && out[b][p].rows == pair.x.block && out[b][p].columns == 16;
    }
  }
  if (!whole) return multiply_edge_tiles<kBlocks, kPanels>(tiles, from, out, begin);
  float* const sums[2][2] = {{out[0][0].y, out[0][kPanels - 1].y},
                             {out[kBlocks - 1][0].y, out[kBlocks - 1][kPanels - 1].y}};
  multiply_tiles<kBlocks, kPanels>(tiles, from, sums, pair.y_stride * 4, begin);
}

// Groups [g, g + groups) of all of the pair's rows; meanwhile `next` weights and, a `part` of `parts`, the
// rows' own next stretch are fetched.
template <int kPanels>
inline void multiply_pair_stretch(Tiles& tiles, const PanelPair& pair, const std::uint8_t* const* w,
                                  std::int64_t g, std::int64_t groups, const Fetch (&next)[2],
                                  std::int64_t part, std::int64_t parts) {
  const Activations& x = pair.x;
  const std::int64_t row_groups = x.cols / kGroup, block_values = row_groups * x.block * kGroup;
  const std::int64_t blocks = (pair.rows + x.block - 1) / x.block, steps = (blocks + 1) / 2;
  const std::int64_t left = row_groups - g - groups, ahead = left < groups ? left : groups;
  const bool streams = row_groups * kGroup * 2 * pair.rows > kPairResidentBytes;
  const std::int64_t lines = streams ? ahead * x.block : 0;  // a row of a group is a line
  const std::uint16_t* a = x.bf16 + (pair.first_row / x.block * row_groups + g) * x.block * kGroup;
  for (std::int64_t block = 0; block < blocks; block += 2, a += 2 * block_values) {
    const bool both = block + 1 < blocks;
    const std::uint16_t* second = both ? a + block_values : a;
    for (const Fetch& weights : next) weights.share(block / 2, steps);
    for (const std::uint16_t* rows : {a, second})
      Fetch{reinterpret_cast<const std::uint8_t*>(rows + groups * x.block * kGroup), lines}.share(part,
                                                                                                  parts);
    const PairOperands from = {{a, second}, x.block * kGroup, {w[0], w[kPanels - 1]}, groups};
    if (both) {
      multiply_blocks<2, kPanels>(tiles, pair, from, block, g == 0);
    } else {
      multiply_blocks<1, kPanels>(tiles, pair, from, block, g == 0);
    }
  }
}

inline void add_bias(const PanelPair& pair) {
  if (pair.bias == nullptr) return;
  for (std::int64_t p = 0; p < pair.panels; ++p) {
    const Output out = pair.output(p);
    for (std::int64_t r = 0; r < pair.rows; ++r)
      finish_row(out, r, load_part(out.y + r * out.stride, out.columns));
  }
}

// The panels [begin, end) against one run of rows, a pair of panels and a stretch of k at a time.
template <DType kKind>
class PairPass {
 public:
  PairPass(Tiles& tiles, const PanelPair& first, std::int64_t end)
      : tiles_(tiles), first_(first), end_(end), groups_(first.x.cols / kGroup) {}

  // A stretch of the rows stays close while all panels pass by.
  void run() {
    const std::int64_t pairs = (end_ - first_.panel + 1) / 2;
    const std::int64_t stretches = (groups_ + kPairGroups - 1) / kPairGroups;
    for (std::int64_t stretch = 0; stretch < stretches; ++stretch)
      for (std::int64_t index = 0; index < pairs; ++index) step(index, stretch, pairs);
  }

 private:
  PanelPair pair_at(std::int64_t index) const {
    PanelPair pair = first_;
    pair.panel += 2 * index;
    pair.panels = pair.panel + 2 <= end_ ? 2 : 1;
    return pair;
  }

  // The packed bytes of a stretch of panel `p` of a pair; nothing past the end.
  Fetch bytes_of(std::int64_t index, std::int64_t stretch, std::int64_t p) const {
    constexpr PanelLayout kLayout = panel_layout(kKind);
    const std::int64_t panel = first_.panel + 2 * index + p, g = stretch * kPairGroups;
    if (panel >= end_ || g >= groups_) return {};
    const std::int64_t left = groups_ - g, count = left < kPairGroups ? left : kPairGroups;
    return {panel_data(first_.w, panel) + g / kLayout.record_groups * kLayout.record_bytes,
            (count + kLayout.record_groups - 1) / kLayout.record_groups * kLayout.record_bytes / 64};
  }

  // Of all `pairs` the one at `index`; the next one's weights are fetched meanwhile.
  void step(std::int64_t index, std::int64_t stretch, std::int64_t pairs) {
    const PanelPair pair = pair_at(index);
    const std::int64_t g = stretch * kPairGroups, left = groups_ - g;
    const std::int64_t count = left < kPairGroups ? left : kPairGroups;
    const std::uint8_t* at[2] = {nullptr, nullptr};
    for (std::int64_t p = 0; p < pair.panels; ++p)
      at[p] = pairs_of_chunk<kKind>(panel_data(pair.w, pair.panel + p), g, count, chunks_[p]);
    const std::int64_t next_index = (index + 1) % pairs, next_stretch = stretch + (index + 1) / pairs;
    const Fetch next[2] = {bytes_of(next_index, next_stretch, 0), bytes_of(next_index, next_stretch, 1)};
    if (pair.panels == 2) {
      multiply_pair_stretch<2>(tiles_, pair, at, g, count, next, index, pairs);
    } else {
      multiply_pair_stretch<1>(tiles_, pair, at, g, count, next, index, pairs);
    }
    if (g + count == groups_) add_bias(pair);
  }

  Tiles& tiles_;
  PanelPair first_;
  std::int64_t end_, groups_;
  PairChunk chunks_[2];
};

template <DType kKind>
void linear_tiles_bf16(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                       std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  if (x.rows <= kMostBlocks * kBlockRows)
    return linear_few_blocks_bf16<kKind>(w, x, bias, y, y_stride, begin, end);
  Tiles tiles;
  configure_bf16(tiles, x.block);
  for (std::int64_t row = 0; row < x.rows; row += kPairChunkRows) {
    const std::int64_t rows = row + kPairChunkRows < x.rows ? kPairChunkRows : x.rows - row;
    PairPass<kKind>(tiles, {w, x, bias, y, y_stride, row, rows, begin, 2}, end).run();
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
