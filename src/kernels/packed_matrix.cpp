#include "kernels/packed_matrix.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/linear_ops.h"
#include "kernels/packing.h"
#include "kernels/panel_layout.h"

namespace atelier::kernels {
namespace {

constexpr std::uint8_t kZeroRow[256] = {};  // longer than any kind's bytes of one row in one record

PackRecord packer_of(DType type) {
  if (const PackRecord pack = packer_of_floats(type)) return pack;
  if (const PackRecord pack = packer_of_blocks(type)) return pack;
  return packer_of_k_blocks(type);
}

std::int64_t source_bytes(DType type, std::int64_t values) {
  const DTypeTraits t = traits(type);
  return values / t.block_values * t.block_bytes;
}

}  // namespace

const std::uint8_t* panel_data(const PackedMatrix& matrix, std::int64_t panel) {
  return reinterpret_cast<const std::uint8_t*>(matrix.panel(panel));
}

PackedMatrix packed_shape(DType source, std::int64_t n, std::int64_t k) {
  ATELIER_CHECK(n >= 0 && k >= 0 && k % traits(source).block_values == 0);
  const PanelLayout layout = panel_layout(source);
  const std::int64_t record_values = layout.record_groups * kGroup;
  PackedMatrix matrix;
  matrix.source = source;
  matrix.n = n;
  matrix.k = k;
  matrix.padded_k = (k + kGroup - 1) / kGroup * kGroup;
  matrix.panels = (n + kPanelRows - 1) / kPanelRows;
  matrix.panel_bytes = (k + record_values - 1) / record_values * layout.record_bytes;
  return matrix;
}

std::size_t packed_bytes(const PackedMatrix& shape) {
  return static_cast<std::size_t>(shape.panels * shape.panel_bytes);
}

PackedMatrix allocate_packed(DType source, std::int64_t n, std::int64_t k) {
  PackedMatrix matrix = packed_shape(source, n, k);
  matrix.data = AlignedBuffer(packed_bytes(matrix));
  return matrix;
}

void pack_panels(PackedMatrix& matrix, std::span<const std::byte> rows,
                 std::span<const std::int32_t> row_order, std::int64_t begin, std::int64_t end) {
  const PanelLayout layout = panel_layout(matrix.source);
  const std::int64_t record_values = layout.record_groups * kGroup;
  const std::int64_t row_stride = source_bytes(matrix.source, matrix.k);
  const std::int64_t step = source_bytes(matrix.source, record_values);
  ATELIER_CHECK(static_cast<std::int64_t>(rows.size()) >= matrix.n * row_stride);
  ATELIER_CHECK(row_order.empty() || static_cast<std::int64_t>(row_order.size()) >= matrix.n);
  ATELIER_CHECK(0 <= begin && end <= matrix.panels);
  const PackRecord pack = packer_of(matrix.source);
  const auto* source = reinterpret_cast<const std::uint8_t*>(rows.data());

  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::uint8_t* at[kPanelRows];
    std::int64_t step_of[kPanelRows];
    for (std::int64_t r = 0; r < kPanelRows; ++r) {
      const std::int64_t row = panel * kPanelRows + r;
      const bool exists = row < matrix.n;
      const std::int64_t from = exists && !row_order.empty() ? row_order[row] : row;
      ATELIER_CHECK(!exists || (from >= 0 && from < matrix.n));
      at[r] = exists ? source + from * row_stride : kZeroRow;
      step_of[r] = exists ? step : 0;
    }
    auto* record = reinterpret_cast<std::uint8_t*>(matrix.data.data()) + panel * matrix.panel_bytes;
    for (std::int64_t k = 0; k < matrix.k; k += record_values, record += layout.record_bytes) {
      pack(at, std::min(record_values, matrix.k - k), record);
      for (std::int64_t r = 0; r < kPanelRows; ++r) at[r] += step_of[r];
    }
  }
}

}  // namespace atelier::kernels
