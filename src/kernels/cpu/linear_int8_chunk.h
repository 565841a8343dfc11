// linear_int8.h's arithmetic for more rows than registers hold sums of: a stretch of kQuadPanels panels is
// unpacked into an L1-resident chunk and reused for all rows. Panels side by side share what is loaded of the
// rows: where a load takes as long as a product, that is what bounds the loop.
#pragma once

#include "kernels/cpu/linear_int8.h"

namespace atelier::kernels {
namespace {

// 16 KiB of quads a panel. Of two panels 16 groups each are slower, even where L1 is 32 KiB.
constexpr std::int64_t kChunkGroups = 32;

// A stretch of kPanels panels, unpacked, group by group: [groups][kPanels].
template <int kPanels>
struct Chunk {
  alignas(64) std::uint8_t quads[kChunkGroups * kPanels * 512];
  alignas(64) float d[2][kChunkGroups * kPanels * 16];
  alignas(64) float m[2][kChunkGroups * kPanels * 16];
};

// Groups [first, first + count) of one panel, the chunk's `p`th.
template <DType kKind, int kPanels>
inline void unpack_chunk(const std::uint8_t* panel, std::int64_t first, std::int64_t count,
                         Chunk<kPanels>& chunk, std::int64_t p) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  // Chunks start at a record: kChunkGroups is a multiple of every kind's record_groups.
  const std::uint8_t* record = panel + first / kLayout.record_groups * kLayout.record_bytes;
  for (std::int64_t done = 0; done < count; done += kLayout.record_groups, record += kLayout.record_bytes) {
    const RecordScales scales = record_scales<kKind>(record);
    for (std::int64_t g = 0; g < kLayout.record_groups && done + g < count; ++g) {
      fetch_behind<kKind>(record, g);
      const std::int64_t at = (done + g) * kPanels + p;
      Quad w[8];
      unpack_quads<kKind>(record, g, w);
      for (int q = 0; q < 8; ++q) store_quad(chunk.quads + at * 512 + q * 64, w[q]);
      const GroupScales group = group_scales<kKind>(scales, record, g);
      for (int half = 0; half < (kLayout.halves ? 2 : 1); ++half) {
        store(chunk.d[half] + at * 16, group.d[half]);
        if constexpr (kLayout.has_min) store(chunk.m[half] + at * 16, group.m[half]);
      }
    }
  }
}

template <Flavour kFlavour, int kRows, int kPanels>
inline void chunk_rows(const Chunk<kPanels>& chunk, std::int64_t count, const Int8Rows& x, F32* acc) {
  for (std::int64_t g = 0; g < count; ++g) {
    const auto* w = reinterpret_cast<const Quad*>(chunk.quads + g * kPanels * 512);
    GroupScales group[kPanels];
    for (int p = 0; p < kPanels; ++p) {
      const std::int64_t at = (g * kPanels + p) * 16;
      for (int half = 0; half < 2; ++half) {
        const int use = kFlavour.halves ? half : 0;
        group[p].d[half] = load(chunk.d[use] + at);
        group[p].m[half] = kFlavour.has_min ? load(chunk.m[use] + at) : group[p].d[half];
      }
    }
    accumulate<kFlavour, kRows, kPanels>(acc, w, group, x, g * x.stride);
  }
}

// out: [kPanels], of the first row.
template <Flavour kFlavour, int kRows, int kPanels>
void multiply_chunk(const Chunk<kPanels>& chunk, std::int64_t count, const Int8Rows& x, const Output* out,
                    Stage stage) {
  F32 acc[kPanels * kRows];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) load_sums<kRows>(out[p], stage, acc + p * kRows);
  chunk_rows<kFlavour, kRows, kPanels>(chunk, count, x, acc);
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) store_sums<kRows>(out[p], stage, acc + p * kRows);
}

template <int kPanels>
using MultiplyChunk = void (*)(const Chunk<kPanels>&, std::int64_t, const Int8Rows&, const Output*, Stage);

template <Flavour kFlavour, int kRows, int kPanels>
inline MultiplyChunk<kPanels> multiply_chunk_of(std::int64_t rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return multiply_chunk_of<kFlavour, kRows - 1, kPanels>(rows);
  }
  return multiply_chunk<kFlavour, kRows, kPanels>;
}

// Rows [begin, end) against one chunk, block by block; out: [kPanels], of row 0.
template <Flavour kFlavour, int kPanels>
inline void multiply_rows(const Chunk<kPanels>& chunk, std::int64_t first_group, std::int64_t count,
                          const Activations& x, std::int64_t begin, std::int64_t end, const Output* out,
                          Stage stage) {
  constexpr int kAtOnce = rows_at_once(kFlavour.max_value) / kPanels;
  Output at[kPanels];
  for (int p = 0; p < kPanels; ++p) {
    at[p] = out[p];
    at[p].y += begin * out[p].stride;
  }
  for (std::int64_t row = begin; row < end;) {
    Int8Rows rows = rows_at(x, row, first_group);
    std::int64_t left = kBlockRows - row % kBlockRows;
    if (left > end - row) left = end - row;
    row += left;
    while (left > 0) {
      const std::int64_t run = left < kAtOnce ? left : kAtOnce;
      if (run == kAtOnce) {
        multiply_chunk<kFlavour, kAtOnce, kPanels>(chunk, count, rows, at, stage);
      } else {
        multiply_chunk_of<kFlavour, kAtOnce, kPanels>(run)(chunk, count, rows, at, stage);
      }
      rows = rows_after(rows, run);
      for (int p = 0; p < kPanels; ++p) at[p].y += run * at[p].stride;
      left -= run;
    }
  }
}

// A stretch of k of a matrix, and the rows it is multiplied with.
struct ChunkTask {
  const PackedMatrix& w;
  const Activations& x;
  std::int64_t first_group, groups, row, row_end;
  Stage stage;
};

// Panels [panel, panel + kPanels).
template <DType kKind, int kPanels>
void multiply_panels(const ChunkTask& task, std::int64_t panel, const float* bias, float* y,
                     std::int64_t y_stride) {
  Chunk<kPanels> chunk;
  Output out[kPanels];
  for (int p = 0; p < kPanels; ++p) {
    unpack_chunk<kKind>(panel_data(task.w, panel + p), task.first_group, task.groups, chunk, p);
    out[p] = output_of(task.w, bias, y, y_stride, panel + p);
  }
  multiply_rows<kFlavourOf<kKind>, kPanels>(chunk, task.first_group, task.groups, task.x, task.row,
                                            task.row_end, out, task.stage);
}

template <DType kKind>
void linear_many_rows(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                      std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  const std::int64_t groups = x.cols / kGroup;
  for (std::int64_t row = 0; row < x.rows; row += kChunkRows) {
    const std::int64_t row_end = row + kChunkRows < x.rows ? row + kChunkRows : x.rows;
    for (std::int64_t g = 0; g < groups; g += kChunkGroups) {
      const std::int64_t count = g + kChunkGroups < groups ? kChunkGroups : groups - g;
      const ChunkTask task = {w, x, g, count, row, row_end, {g == 0, g + count == groups}};
      std::int64_t panel = begin;
      for (; panel + kQuadPanels <= end; panel += kQuadPanels)
        multiply_panels<kKind, kQuadPanels>(task, panel, bias, y, y_stride);
      for (; panel < end; ++panel) multiply_panels<kKind, 1>(task, panel, bias, y, y_stride);
    }
  }
}

}  // namespace
}  // namespace atelier::kernels
