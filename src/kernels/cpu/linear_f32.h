// y = x w^T in f32: acc = fma(x[k], w[k], acc) for k = 0, 1, ..., one lane per output, the bias last; the
// same bits on every instruction set and for any number of rows. The bf16 path of tables without bf16
// products is this one over values rounded to bf16.
//
// A stretch of kPanelsAtOnce panels is dequantised into a chunk that stays in L1 and reused for all rows;
// several panels or rows in flight hide the latency of the sums.
#pragma once

#include <cstdint>

#include "kernels/cpu/linear_int8.h"

namespace atelier::kernels {
namespace {

constexpr std::int64_t kFloatGroups = 4;  // 128 k: 8 KiB a panel
constexpr std::int64_t kPanelsAtOnce = 4;

// One panel's stretch: [k][16].
struct FloatChunk {
  alignas(64) float w[kFloatGroups * kGroup * kPanelRows];
};

template <DType kKind, bool kBf16>
inline void dequantise_chunk(const std::uint8_t* panel, std::int64_t first, std::int64_t count,
                             FloatChunk& chunk) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  for (std::int64_t g = first; g < first + count; ++g) {
    const std::uint8_t* record = panel + g / kLayout.record_groups * kLayout.record_bytes;
    RecordScales scales = {splat(0.0f), splat(0.0f)};
    if constexpr (kLayout.scale_form != ScaleForm::kNone) scales = record_scales<kKind>(record);
    unpack_floats<kKind, kBf16>(record, g % kLayout.record_groups, scales,
                                chunk.w + (g - first) * kGroup * kPanelRows);
  }
}

template <int kRows, int kPanels>
void multiply_floats(const FloatChunk* chunks, std::int64_t values, const float* x, std::int64_t x_stride,
                     const Output* out, Stage stage) {
  F32 acc[kPanels][kRows];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) load_sums<kRows>(out[p], stage, acc[p]);
  for (std::int64_t k = 0; k < values; ++k) {
    F32 w[kPanels];
    for (int p = 0; p < kPanels; ++p) w[p] = load(chunks[p].w + k * kPanelRows);
    for (int r = 0; r < kRows; ++r) {
      const F32 a = splat(x[r * x_stride + k]);
      for (int p = 0; p < kPanels; ++p) acc[p][r] = fused(a, w[p], acc[p][r]);
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) store_sums<kRows>(out[p], stage, acc[p]);
}

// All rows against up to kPanelsAtOnce chunks, in the largest steps the registers hold.
template <int kRows, int kPanels>
inline void multiply_float_rows(const FloatChunk* chunks, std::int64_t panels, std::int64_t values,
                                const float* x, std::int64_t x_stride, std::int64_t rows, const Output* out,
                                Stage stage) {
  std::int64_t row = 0;
  for (; row + kRows <= rows; row += kRows) {
    std::int64_t p = 0;
    Output at[kPanelsAtOnce];
    for (std::int64_t i = 0; i < panels; ++i) {
      at[i] = out[i];
      at[i].y += row * out[i].stride;
    }
    for (; p + kPanels <= panels; p += kPanels)
      multiply_floats<kRows, kPanels>(chunks + p, values, x + row * x_stride, x_stride, at + p, stage);
    for (; p < panels; ++p)
      multiply_floats<kRows, 1>(chunks + p, values, x + row * x_stride, x_stride, at + p, stage);
  }
  if constexpr (kRows > 1) {
    if (row == rows) return;
    Output rest[kPanelsAtOnce];
    for (std::int64_t i = 0; i < panels; ++i) {
      rest[i] = out[i];
      rest[i].y += row * out[i].stride;
    }
    constexpr int kFewer = kRows / 2, kMorePanels = kFewer == 1 ? 4 : 2;
    multiply_float_rows<kFewer, kMorePanels>(chunks, panels, values, x + row * x_stride, x_stride, rows - row,
                                             rest, stage);
  }
}

template <DType kKind, bool kBf16, int kRows>
void stream_few_floats(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                       std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  const RecordScales none = {splat(0.0f), splat(0.0f)};
  stream_floats<kKind, kRows>(w, x.cols / kGroup, bias, y, y_stride, begin, end,
                              [&](F32* acc, std::int64_t g, const std::uint8_t* record) {
                                const float* a = x.f32 + g * kGroup;
                                unpack_columns<kKind>(record, 0, none, [&](int k, F32 first, F32 second) {
                                  const F32 w0 = kBf16 ? round_to_bf16(first) : first,
                                            w1 = kBf16 ? round_to_bf16(second) : second;
                                  for (int r = 0; r < kRows; ++r) {
                                    acc[r] = fused(splat(a[r * x.cols + k]), w0, acc[r]);
                                    acc[r] = fused(splat(a[r * x.cols + k + 1]), w1, acc[r]);
                                  }
                                });
                              });
}

template <DType kKind, bool kBf16>
void linear_f32(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  if constexpr (panel_layout(kKind).scale_form == ScaleForm::kNone) {
    if (x.rows <= kFewRows) {
      return with_rows<kFewRows>(x.rows, [&]<int kRows>() {
        stream_few_floats<kKind, kBf16, kRows>(w, x, bias, y, y_stride, begin, end);
      });
    }
  }
  FloatChunk chunks[kPanelsAtOnce];
  const std::int64_t groups = x.cols / kGroup;
  for (std::int64_t row = 0; row < x.rows; row += kChunkRows) {
    const std::int64_t rows = row + kChunkRows < x.rows ? kChunkRows : x.rows - row;
    for (std::int64_t panel = begin; panel < end; panel += kPanelsAtOnce) {
      const std::int64_t panels = panel + kPanelsAtOnce < end ? kPanelsAtOnce : end - panel;
      for (std::int64_t g = 0; g < groups; g += kFloatGroups) {
        const std::int64_t count = g + kFloatGroups < groups ? kFloatGroups : groups - g;
        Output out[kPanelsAtOnce];
        for (std::int64_t p = 0; p < panels; ++p) {
          dequantise_chunk<kKind, kBf16>(panel_data(w, panel + p), g, count, chunks[p]);
          out[p] = output_of(w, bias, y + row * y_stride, y_stride, panel + p);
        }
        multiply_float_rows<kFloatRows, kFloatPanels>(chunks, panels, count * kGroup,
                                                      x.f32 + row * x.cols + g * kGroup, x.cols, rows, out,
                                                      {g == 0, g + count == groups});
      }
    }
  }
}

}  // namespace
}  // namespace atelier::kernels
