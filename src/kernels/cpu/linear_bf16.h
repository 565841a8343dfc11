// y = x w^T over bf16 pairs with dot_pairs(): per output one chain of sums in the order of k, the bias last;
// a row's bits do not depend on how many came along.
#pragma once

#include "kernels/cpu/bf16_chunk.h"
#include "kernels/cpu/linear_dispatch.h"

namespace atelier::kernels {
namespace {

// Prepared rows of one block from one group on.
struct PairRows {
  const std::uint16_t* a;
  std::int64_t stride;  // values from one group to the next
};

inline PairRows pair_rows_at(const Activations& x, std::int64_t row, std::int64_t group) {
  const std::int64_t groups = x.cols / kGroup;
  return {x.bf16 + ((row / kBlockRows * groups + group) * x.block + row % kBlockRows) * kGroup,
          x.block * kGroup};
}

template <int kRows, int kPanels>
void multiply_pairs(const std::uint8_t* const* chunks, std::int64_t groups, const PairRows& x,
                    const Output* out, std::int64_t first_row, Stage stage) {
  F32 acc[kPanels][kRows];
  Output at[kPanels];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) {
    at[p] = out[p];
    at[p].y += first_row * at[p].stride;
    load_sums<kRows>(at[p], stage, acc[p]);
  }
  for (std::int64_t g = 0; g < groups; ++g) {
    for (std::int64_t pair = 0; pair < kGroup / 2; ++pair) {
      Quad w[kPanels];
      for (int p = 0; p < kPanels; ++p) w[p] = load_quad(chunks[p] + g * kGroupPairBytes + pair * 64);
      for (int r = 0; r < kRows; ++r) {
        const std::uint16_t* a = x.a + g * x.stride + r * kGroup + 2 * pair;
        for (int p = 0; p < kPanels; ++p) acc[p][r] = dot_pairs(acc[p][r], w[p], a);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) store_sums<kRows>(at[p], stage, acc[p]);
}

// Rows [begin, end), kRows at a time and inside a block, then the rest by halves.
template <int kRows, int kPanels>
inline void multiply_pair_rows(const std::uint8_t* const* chunks, std::int64_t panels,
                               std::int64_t first_group, std::int64_t groups, const Activations& x,
                               std::int64_t begin, std::int64_t end, const Output* out, Stage stage) {
  std::int64_t row = begin;
  for (; row + kRows <= end; row += kRows) {
    const PairRows rows = pair_rows_at(x, row, first_group);
    std::int64_t p = 0;
    for (; p + kPanels <= panels; p += kPanels)
      multiply_pairs<kRows, kPanels>(chunks + p, groups, rows, out + p, row, stage);
    for (; p < panels; ++p) multiply_pairs<kRows, 1>(chunks + p, groups, rows, out + p, row, stage);
  }
  if constexpr (kRows > 1) {
    constexpr int kFewer = kRows / 2, kMorePanels = kFewer == 1 ? 4 : 2;
    multiply_pair_rows<kFewer, kMorePanels>(chunks, panels, first_group, groups, x, row, end, out, stage);
  }
}

template <int kRows>
void stream_pairs(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                  std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  const PairRows rows = pair_rows_at(x, 0, 0);
  stream_floats<DType::kBF16, kRows>(w, x.cols / kGroup, bias, y, y_stride, begin, end,
                                     [&](F32* acc, std::int64_t g, const std::uint8_t* record) {
                                       for (std::int64_t pair = 0; pair < kGroup / 2; ++pair) {
                                         const Quad pairs = load_quad(record + pair * 64);
                                         const std::uint16_t* a = rows.a + g * rows.stride + 2 * pair;
                                         for (int r = 0; r < kRows; ++r)
                                           acc[r] = dot_pairs(acc[r], pairs, a + r * kGroup);
                                       }
                                     });
}

constexpr std::int64_t kPairPanels = 2;  // of kPairGroups each: half an L1 of 32 KiB

template <DType kKind>
void linear_bf16(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                 std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  if constexpr (kKind == DType::kBF16) {
    if (x.rows <= kFewRows) {
      return with_rows<kFewRows>(
          x.rows, [&]<int kRows>() { stream_pairs<kRows>(w, x, bias, y, y_stride, begin, end); });
    }
  }
  PairChunk chunks[kPairPanels];
  const std::int64_t groups = x.cols / kGroup;
  for (std::int64_t row = 0; row < x.rows; row += kChunkRows) {
    const std::int64_t row_end = row + kChunkRows < x.rows ? row + kChunkRows : x.rows;
    for (std::int64_t g = 0; g < groups; g += kPairGroups) {
      const std::int64_t count = g + kPairGroups < groups ? kPairGroups : groups - g;
      for (std::int64_t panel = begin; panel < end; panel += kPairPanels) {
        const std::int64_t panels = panel + kPairPanels < end ? kPairPanels : end - panel;
        const std::uint8_t* at[kPairPanels];
        Output out[kPairPanels];
        for (std::int64_t p = 0; p < panels; ++p) {
          at[p] = pairs_of_chunk<kKind>(panel_data(w, panel + p), g, count, chunks[p]);
          out[p] = output_of(w, bias, y, y_stride, panel + p);
        }
        // A run of 8 rows never leaves a block of 16; with fewer rows than 16 there is one block.
        multiply_pair_rows<8, 2>(at, panels, g, count, x, row, row_end, out, {g == 0, g + count == groups});
      }
    }
  }
}

inline void linear_by_bf16(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                           std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  visit_any(w.source, [&]<DType kKind>() { linear_bf16<kKind>(w, x, bias, y, y_stride, begin, end); });
}

inline void linear_with_bf16_pairs(const PackedMatrix& w, const Activations& x, ActivationForm form,
                                   const float* bias, float* y, std::int64_t y_stride, std::int64_t begin,
                                   std::int64_t end) {
  if (form == ActivationForm::kInt8) return linear_by_int8(w, x, bias, y, y_stride, begin, end);
  if (form == ActivationForm::kBF16) return linear_by_bf16(w, x, bias, y, y_stride, begin, end);
  linear_by_f32<false>(w, x, bias, y, y_stride, begin, end);
}

}  // namespace
}  // namespace atelier::kernels
