// A PackedMatrix is a weight matrix [n outputs, k inputs] laid out once, at load, the way the kernels read
// it: panels of 16 output rows; within a panel, k runs in groups of 32; within a group, quantised values
// stand as 8 "quads" of 64 bytes (16 rows x 4 consecutive k: one AMX tile row, one VNNI operand), kept at the
// file's own width (2- to 8-bit planes) beside the file's own scales, so nothing is rounded and memory stays
// the file's. docs/kernels.md draws the layouts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/aligned_buffer.h"
#include "tensor/dtype.h"

namespace atelier::kernels {

inline constexpr std::int64_t kPanelRows = 16;
inline constexpr std::int64_t kGroup = 32;

struct PackedMatrix {
  DType source = DType::kF32;  // the format it came from; decides layout and arithmetic
  std::int64_t n = 0, k = 0;   // logical extents
  std::int64_t padded_k = 0;   // k rounded up to kGroup; the padding multiplies to zero
  std::int64_t panels = 0;     // ceil(n / 16); rows past n are zero
  std::int64_t panel_bytes = 0;
  AlignedBuffer data;  // panels x panel_bytes

  const std::byte* panel(std::int64_t index) const { return data.data() + index * panel_bytes; }
};

// What a matrix of `source` rows is like and how much memory it takes; without the memory.
PackedMatrix packed_shape(DType source, std::int64_t n, std::int64_t k);
std::size_t packed_bytes(const PackedMatrix& shape);

// The same with memory of its own; fill it with pack_panels.
PackedMatrix allocate_packed(DType source, std::int64_t n, std::int64_t k);

// Packs panels [begin, end) from `rows`, the tensor's bytes (n rows of row_bytes(source, k)). `row_order`
// (empty = identity) gives for each output row the source row it comes from. Panels are independent: any
// split over threads.
void pack_panels(PackedMatrix& matrix, std::span<const std::byte> rows,
                 std::span<const std::int32_t> row_order, std::int64_t begin, std::int64_t end);

// One row back as f32, bit-equal to formats::dequantise of the source row: embeddings and tests. out: [k].
void unpack_row(const PackedMatrix& matrix, std::int64_t row, float* out);

}  // namespace atelier::kernels
