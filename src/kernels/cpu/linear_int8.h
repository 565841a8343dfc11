// y = x w^T with int8 activations: for each output and group, in the order of k,
//   acc = fma(float(sum of (u - offset) * q8), d_w * d_a, acc);  with a min also  acc = fma(m_w, d_a * sum
//   q8, acc)
// and the bias last. The integer sums are exact, so every kernel here, every instruction set and the tile
// kernels give the same bits for any number of rows.
//
// Few rows: a group is unpacked into registers and used at once (memory bound). More rows: a stretch of a
// panel is unpacked into an L1-resident chunk and reused for all rows.
#pragma once

#include <cstdint>

#include "kernels/cpu/unpack_group.h"
#include "kernels/ops.h"

namespace atelier::kernels {
namespace {

// What of a kind the arithmetic depends on, once its values are unpacked.
struct Flavour {
  bool halves, has_min;
  int shift;  // log2 of the offset; -1: none
  int max_value;
  bool is_signed;
};

constexpr int log2_of(int value) {
  int shift = -1;
  for (; value > 0; value /= 2) ++shift;
  return shift;
}

template <DType kKind>
constexpr Flavour kFlavourOf = {panel_layout(kKind).halves, panel_layout(kKind).has_min,
                                log2_of(kOffsetOf<kKind>), panel_layout(kKind).max_value,
                                kSignedBytes&& panel_layout(kKind).max_value == 255};

// Prepared rows of one block from one group on; `stride` leads to the next group.
struct Int8Rows {
  const std::int8_t* q8;
  const float* scale;
  const float* scaled_sum;
  const std::int32_t* minus_sum;
  const std::int32_t* minus_half_sum;
  std::int64_t stride;
};

inline Int8Rows rows_at(const Activations& x, std::int64_t row, std::int64_t group) {
  const std::int64_t groups = x.cols / kGroup;
  const std::int64_t at = (row / x.block * groups + group) * x.block + row % x.block;
  return {x.q8 + at * kGroup, x.scale + at,          x.scaled_sum + at,
          x.minus_sum + at,   x.minus_half_sum + at, x.block};
}

// The same rows, so many groups further on.
inline Int8Rows rows_from(const Int8Rows& x, std::int64_t groups) {
  const std::int64_t at = groups * x.stride;
  return {x.q8 + at * kGroup, x.scale + at,          x.scaled_sum + at,
          x.minus_sum + at,   x.minus_half_sum + at, x.stride};
}

struct GroupScales {
  F32 d[2], m[2];  // [1]: the second half group's
};

template <DType kKind>
inline GroupScales group_scales(const RecordScales& scales, const std::uint8_t* record, std::int64_t g) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  GroupScales out;
  for (int half = 0; half < 2; ++half) {
    const int use = kLayout.halves ? half : 0;
    out.d[half] = group_scale<kKind>(scales, record, g, use);
    out.m[half] = out.d[half];
    if constexpr (kLayout.has_min) out.m[half] = group_min<kKind>(scales, record, g, use);
  }
  return out;
}

// Scales one part of a group (all of it, or a half) into the sums.
template <bool kHasMin>
inline F32 scaled_into(F32 acc, const I32& sum, const F32& d, const F32& m, float d_a, float scaled_sum) {
  acc = fused(to_f32(sum), mul(d, splat(d_a)), acc);
  if constexpr (kHasMin) acc = fused(m, splat(scaled_sum), acc);
  return acc;
}

// One group of kRows rows of one block; `at` is the first row's place in the prepared arrays.
template <Flavour kFlavour, int kRows>
inline void accumulate(F32* acc, const Quad* w, const GroupScales& scales, const Int8Rows& x,
                       std::int64_t at) {
  const std::int8_t* a = x.q8 + at * kGroup;
  const float* d_a = x.scale + at;
  I32 sum[kRows];
  if constexpr (kFlavour.halves) {
    const std::int32_t *minus_all = x.minus_sum + at, *minus_first = x.minus_half_sum + at;
    for (int r = 0; r < kRows; ++r) sum[r] = splat_shifted<kFlavour.shift>(minus_first[r]);
    dot_rows<4, kFlavour.max_value, kFlavour.is_signed, kRows>(sum, w, a);
    for (int r = 0; r < kRows; ++r) {
      const float scaled = -d_a[r] * static_cast<float>(minus_first[r]);
      acc[r] = scaled_into<kFlavour.has_min>(acc[r], sum[r], scales.d[0], scales.m[0], d_a[r], scaled);
    }
    for (int r = 0; r < kRows; ++r) sum[r] = splat_shifted<kFlavour.shift>(minus_all[r] - minus_first[r]);
    dot_rows<4, kFlavour.max_value, kFlavour.is_signed, kRows>(sum, w + 4, a + 16);
    for (int r = 0; r < kRows; ++r) {
      const float scaled = -d_a[r] * static_cast<float>(minus_all[r] - minus_first[r]);
      acc[r] = scaled_into<kFlavour.has_min>(acc[r], sum[r], scales.d[1], scales.m[1], d_a[r], scaled);
    }
  } else {
    for (int r = 0; r < kRows; ++r) sum[r] = splat_shifted<kFlavour.shift>(x.minus_sum[at + r]);
    dot_rows<8, kFlavour.max_value, kFlavour.is_signed, kRows>(sum, w, a);
    for (int r = 0; r < kRows; ++r) {
      const float scaled = kFlavour.has_min ? x.scaled_sum[at + r] : 0.0f;
      acc[r] = scaled_into<kFlavour.has_min>(acc[r], sum[r], scales.d[0], scales.m[0], d_a[r], scaled);
    }
  }
}

// ---- few rows ----

// How far ahead of the sums weights are fetched: into L1 some whole records, so that a group's planes arrive
// together, and into L2 twice as many. L1's fill buffers alone do not cover the memory's latency. Much
// further ahead a second page is kept open, which the hardware's own streams, one page each, do not follow:
// of 1 GB that is read at 34 GB/s, Q4_0 takes 97 % with 4.5 KiB, 88 % with 16 KiB and 84 % with L1 alone.
constexpr std::int64_t kLeastNearBytes = 1792;

template <DType kKind>
constexpr std::int64_t kNearBytes = (kLeastNearBytes + panel_layout(kKind).record_bytes - 1) /
                                    panel_layout(kKind).record_bytes * panel_layout(kKind).record_bytes;
template <DType kKind>
constexpr std::int64_t kFarBytes = 2 * kNearBytes<kKind>;

// Fetches group g's share of the lines of records to come. The shares are of one size, so that nothing
// branches. Of two groups the second share ends with the record; of eight the last runs on into the next
// record (to end with its own would fetch the line just fetched again: 5 % slower).
template <DType kKind>
inline void fetch_behind(const std::uint8_t* record, std::int64_t g) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  constexpr std::int64_t kLines = kLayout.record_bytes / 64;
  constexpr std::int64_t kShare = (kLines + kLayout.record_groups - 1) / kLayout.record_groups;
  constexpr std::int64_t kStep = kLayout.record_groups == 2 ? kLines - kShare : kShare;
  const std::uint8_t* from = record + g * kStep * 64;
#pragma GCC unroll 16
  for (std::int64_t line = 0; line < kShare; ++line) {
    prefetch_to_l2(from + kFarBytes<kKind> + line * 64);
    prefetch(from + kNearBytes<kKind> + line * 64);
  }
}

template <DType kKind, int kRows>
inline void panel_rows(const std::uint8_t* panel, std::int64_t groups, const Int8Rows& x, F32* acc) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  std::int64_t at = 0;
  for (std::int64_t done = 0; done < groups; done += kLayout.record_groups, panel += kLayout.record_bytes) {
    const RecordScales scales = record_scales<kKind>(panel);
    const std::int64_t left = groups - done;
    const std::int64_t count = left < kLayout.record_groups ? left : kLayout.record_groups;
    for (std::int64_t g = 0; g < count; ++g, at += x.stride) {
      fetch_behind<kKind>(panel, g);
      Quad w[8];
      unpack_quads<kKind>(panel, g, w);
      const GroupScales group = group_scales<kKind>(scales, panel, g);
      accumulate<kFlavourOf<kKind>, kRows>(acc, w, group, x, at);
    }
  }
}

// Where the results of one panel go.
struct Output {
  float* y;  // of the first row
  std::int64_t stride;
  const float* bias;     // of the first column; null: none
  std::int64_t columns;  // of 16, that exist
};

inline Output output_of(const PackedMatrix& w, const float* bias, float* y, std::int64_t y_stride,
                        std::int64_t panel) {
  const std::int64_t first = panel * kPanelRows, left = w.n - first;
  return {y + first, y_stride, bias != nullptr ? bias + first : nullptr,
          left < kPanelRows ? left : kPanelRows};
}

// Rows of y lie pages apart: their lines are fetched while the sums are made, or the stores wait for them.
inline void fetch_output(const Output& out, std::int64_t rows) {
  for (std::int64_t r = 0; r < rows; ++r) prefetch_for_writing(out.y + r * out.stride);
}

inline void finish_row(const Output& out, std::int64_t row, F32 acc) {
  if (out.bias != nullptr) acc = add(acc, load_part(out.bias, out.columns));
  store_part(out.y + row * out.stride, acc, out.columns);
}

template <DType kKind, int kRows>
void linear_few_rows(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                     std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  const Int8Rows rows = rows_at(x, 0, 0);
  const std::uint8_t* start = panel_data(w, begin);
  for (std::int64_t line = 0; line < kFarBytes<kKind>; line += 64) prefetch_to_l2(start + line);
  for (std::int64_t panel = begin; panel < end; ++panel) {
    F32 acc[kRows];
    for (int r = 0; r < kRows; ++r) acc[r] = splat(0.0f);
    panel_rows<kKind, kRows>(panel_data(w, panel), x.cols / kGroup, rows, acc);
    const Output out = output_of(w, bias, y, y_stride, panel);
    for (int r = 0; r < kRows; ++r) finish_row(out, r, acc[r]);
  }
}

// ---- more rows ----

constexpr std::int64_t kChunkGroups = 32;  // 16 KiB of quads: a third of L1
constexpr std::int64_t kChunkRows = 512;   // their q8 for one chunk of k: 512 KiB, in L2

// A stretch of one panel, unpacked.
struct Chunk {
  alignas(64) std::uint8_t quads[kChunkGroups * 512];
  alignas(64) float d[2][kChunkGroups * 16];
  alignas(64) float m[2][kChunkGroups * 16];
};

template <DType kKind>
inline void unpack_chunk(const std::uint8_t* panel, std::int64_t first, std::int64_t count, Chunk& chunk) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  // Chunks start at a record: kChunkGroups is a multiple of every kind's record_groups.
  const std::uint8_t* record = panel + first / kLayout.record_groups * kLayout.record_bytes;
  for (std::int64_t done = 0; done < count; done += kLayout.record_groups, record += kLayout.record_bytes) {
    const RecordScales scales = record_scales<kKind>(record);
    for (std::int64_t g = 0; g < kLayout.record_groups && done + g < count; ++g) {
      // The planes of a K-quant's record lie up to 2 KiB apart, which the hardware does not follow.
      if constexpr (kLayout.record_groups > 2) fetch_behind<kKind>(record, g);
      Quad w[8];
      unpack_quads<kKind>(record, g, w);
      for (int q = 0; q < 8; ++q) store_quad(chunk.quads + (done + g) * 512 + q * 64, w[q]);
      const GroupScales group = group_scales<kKind>(scales, record, g);
      for (int half = 0; half < (kLayout.halves ? 2 : 1); ++half) {
        store(chunk.d[half] + (done + g) * 16, group.d[half]);
        if constexpr (kLayout.has_min) store(chunk.m[half] + (done + g) * 16, group.m[half]);
      }
    }
  }
}

template <Flavour kFlavour, int kRows>
inline void chunk_rows(const Chunk& chunk, std::int64_t count, const Int8Rows& x, F32* acc) {
  for (std::int64_t g = 0; g < count; ++g) {
    const auto* w = reinterpret_cast<const Quad*>(chunk.quads + g * 512);
    GroupScales group;
    for (int half = 0; half < 2; ++half) {
      const int use = kFlavour.halves ? half : 0;
      group.d[half] = load(chunk.d[use] + g * 16);
      group.m[half] = kFlavour.has_min ? load(chunk.m[use] + g * 16) : group.d[half];
    }
    accumulate<kFlavour, kRows>(acc, w, group, x, g * x.stride);
  }
}

struct Stage {
  bool first, last;  // of the stretches of k: the sums start at zero; the bias is added
};

template <Flavour kFlavour, int kRows>
void multiply_chunk(const Chunk& chunk, std::int64_t count, const Int8Rows& x, const Output& out,
                    Stage stage) {
  fetch_output(out, kRows);
  F32 acc[kRows];
  for (int r = 0; r < kRows; ++r)
    acc[r] = stage.first ? splat(0.0f) : load_part(out.y + r * out.stride, out.columns);
  chunk_rows<kFlavour, kRows>(chunk, count, x, acc);
  for (int r = 0; r < kRows; ++r) {
    if (stage.last) {
      finish_row(out, r, acc[r]);
    } else {
      store_part(out.y + r * out.stride, acc[r], out.columns);
    }
  }
}

using MultiplyChunk = void (*)(const Chunk&, std::int64_t, const Int8Rows&, const Output&, Stage);

template <Flavour kFlavour, int kRows>
inline MultiplyChunk multiply_chunk_of(std::int64_t rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return multiply_chunk_of<kFlavour, kRows - 1>(rows);
  }
  return multiply_chunk<kFlavour, kRows>;
}

// Rows [begin, end) against one chunk; a run of rows never leaves its block.
template <Flavour kFlavour>
inline void multiply_rows(const Chunk& chunk, std::int64_t first_group, std::int64_t count,
                          const Activations& x, std::int64_t begin, std::int64_t end, const Output& out,
                          Stage stage) {
  constexpr int kAtOnce = rows_at_once(kFlavour.max_value);
  for (std::int64_t row = begin; row < end;) {
    std::int64_t run = end - row;
    if (run > kAtOnce) run = kAtOnce;
    if (run > x.block - row % x.block) run = x.block - row % x.block;
    Output at = out;
    at.y += row * out.stride;
    const MultiplyChunk multiply = multiply_chunk_of<kFlavour, kAtOnce>(run);
    multiply(chunk, count, rows_at(x, row, first_group), at, stage);
    row += run;
  }
}

template <DType kKind>
void linear_many_rows(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                      std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  Chunk chunk;
  const std::int64_t groups = x.cols / kGroup;
  for (std::int64_t row = 0; row < x.rows; row += kChunkRows) {
    const std::int64_t row_end = row + kChunkRows < x.rows ? row + kChunkRows : x.rows;
    for (std::int64_t g = 0; g < groups; g += kChunkGroups) {
      const std::int64_t count = g + kChunkGroups < groups ? kChunkGroups : groups - g;
      const Stage stage = {g == 0, g + count == groups};
      for (std::int64_t panel = begin; panel < end; ++panel) {
        unpack_chunk<kKind>(panel_data(w, panel), g, count, chunk);
        const Output out = output_of(w, bias, y, y_stride, panel);
        multiply_rows<kFlavourOf<kKind>>(chunk, g, count, x, row, row_end, out, stage);
      }
    }
  }
}

// From kRows down to the number there is.
template <DType kKind, int kRows>
inline void linear_at_most(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                           std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  if (x.rows == kRows) return linear_few_rows<kKind, kRows>(w, x, bias, y, y_stride, begin, end);
  if constexpr (kRows > 1) linear_at_most<kKind, kRows - 1>(w, x, bias, y, y_stride, begin, end);
}

template <DType kKind>
void linear_int8(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                 std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  if (x.rows <= kFewRows) return linear_at_most<kKind, kFewRows>(w, x, bias, y, y_stride, begin, end);
  linear_many_rows<kKind>(w, x, bias, y, y_stride, begin, end);
}

}  // namespace
}  // namespace atelier::kernels
