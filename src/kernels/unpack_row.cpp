// One row of a panel back to f32, from the planes: the readable statement of the layouts, and the lookup of
// embeddings.
#include <algorithm>

#include "base/check.h"
#include "kernels/packing.h"
#include "kernels/panel_layout.h"
#include "tensor/half.h"

namespace atelier::kernels {
namespace {

float half_at(const std::uint8_t* lanes, std::int64_t r) {
  std::uint16_t bits;
  std::memcpy(&bits, lanes + r * 2, 2);
  return f32_from_f16(bits);
}

float float_at(DType type, const std::uint8_t* record, std::int64_t k, std::int64_t r) {
  std::uint32_t word;
  switch (type) {
    case DType::kF32:
      word = load_word(record + (k * kPanelRows + r) * 4);
      float value;
      std::memcpy(&value, &word, 4);
      return value;
    case DType::kF16:
      return half_at(record + k * kPanelRows * 2, r);
    default:
      word = load_word(record + (k / 2) * 64 + r * 4);
      return f32_from_bf16(static_cast<std::uint16_t>(k % 2 == 0 ? word : word >> 16));
  }
}

// The 4 unsigned values of row r in quad q of group g, as the bytes of a word.
std::uint32_t quad_of(const PanelLayout& layout, const std::uint8_t* record, std::int64_t g, int q,
                      std::int64_t r) {
  std::uint32_t word = 0;
  if (layout.bytes_stride > 0)
    word = load_word(record + layout.bytes + g * layout.bytes_stride + q * 64 + r * 4) ^ 0x80808080u;
  if (layout.nibbles_stride > 0) {
    const std::uint8_t* line = record + layout.nibbles + g * layout.nibbles_stride + (q % 4) * 64;
    word = (load_word(line + r * 4) >> (q < 4 ? 0 : 4)) & 0x0f0f0f0fu;
  }
  if (layout.pairs_stride > 0) {
    const std::uint8_t* line = record + layout.pairs + g * layout.pairs_stride + (q / 4) * 64;
    const std::uint32_t fields = (load_word(line + r * 4) >> (2 * (q % 4))) & 0x03030303u;
    word |= layout.nibbles_stride > 0 ? fields << 4 : fields;
  }
  if (layout.bits_stride > 0) {
    const std::uint32_t bits = load_word(record + layout.bits + g * layout.bits_stride + r * 4);
    word |= ((bits >> q) & 0x01010101u) << (layout.nibbles_stride > 0 ? 4 : 2);
  }
  if (layout.lookup) {
    std::uint32_t values = 0;
    for (int b = 0; b < 4; ++b) values |= std::uint32_t{kIq4Values[(word >> (8 * b)) & 15u]} << (8 * b);
    word = values;
  }
  return word;
}

struct ScaleAndMin {
  float scale, min;
};

// Of the half group `half` (0 or 1) of group g.
ScaleAndMin scale_of(const PanelLayout& layout, const std::uint8_t* record, std::int64_t g, int half,
                     std::int64_t r) {
  const std::uint8_t* bytes = record + layout.scales;
  switch (layout.scale_form) {
    case ScaleForm::kHalf:
      return {half_at(bytes + g * 32, r), layout.has_min ? half_at(record + layout.mins + g * 32, r) : 0.0f};
    case ScaleForm::kByte:
      return {half_at(record + layout.d, r) * static_cast<float>(bytes[g * 16 + r]),
              -(half_at(record + layout.dmin, r) * static_cast<float>(record[layout.mins + g * 16 + r]))};
    case ScaleForm::kSignedByte: {
      const auto scale = static_cast<std::int8_t>(bytes[(2 * g + half) * 16 + r]);
      return {half_at(record + layout.d, r) * static_cast<float>(scale), 0.0f};
    }
    case ScaleForm::kNibblePair: {
      const std::uint8_t both = bytes[(2 * g + half) * 16 + r];
      return {half_at(record + layout.d, r) * static_cast<float>(both & 15),
              -(half_at(record + layout.dmin, r) * static_cast<float>(both >> 4))};
    }
    case ScaleForm::kNone:
      break;
  }
  return {1.0f, 0.0f};
}

void unpack_group(const PanelLayout& layout, const std::uint8_t* record, std::int64_t g, std::int64_t r,
                  float* out) {
  for (int half = 0; half < 2; ++half) {
    const ScaleAndMin s = scale_of(layout, record, g, half, r);
    for (int q = 4 * half; q < 4 * half + 4; ++q) {
      const std::uint32_t quad = quad_of(layout, record, g, q, r);
      for (int b = 0; b < 4; ++b) {
        const int value = static_cast<int>((quad >> (8 * b)) & 255u) - layout.offset;
        const float product = s.scale * static_cast<float>(value);
        out[4 * q + b] = layout.has_min ? product + s.min : product;
      }
    }
  }
}

}  // namespace

void unpack_row(const PackedMatrix& matrix, std::int64_t row, float* out) {
  ATELIER_CHECK(row >= 0 && row < matrix.n);
  const PanelLayout layout = panel_layout(matrix.source);
  const auto* panel = reinterpret_cast<const std::uint8_t*>(matrix.panel(row / kPanelRows));
  const std::int64_t r = row % kPanelRows;
  for (std::int64_t k = 0; k < matrix.k; k += kGroup) {
    const std::int64_t g = k / kGroup;
    const std::uint8_t* record = panel + g / layout.record_groups * layout.record_bytes;
    if (layout.scale_form == ScaleForm::kNone) {
      for (std::int64_t i = 0; i < std::min(kGroup, matrix.k - k); ++i)
        out[k + i] = float_at(matrix.source, record, i, r);
    } else {
      unpack_group(layout, record, g % layout.record_groups, r, out + k);
    }
  }
}

}  // namespace atelier::kernels
