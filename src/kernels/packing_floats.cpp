#include "kernels/packing.h"

namespace atelier::kernels {
namespace {

template <class Element>
void pack_columns(const std::uint8_t* const* rows, std::int64_t values, std::uint8_t* record) {
  for (std::int64_t k = 0; k < values; ++k) {
    for (std::int64_t r = 0; r < kPanelRows; ++r)
      std::memcpy(record + (k * kPanelRows + r) * sizeof(Element), rows[r] + k * sizeof(Element),
                  sizeof(Element));
  }
}

// bf16 in pairs of k: [k / 2][16][2].
void pack_pairs(const std::uint8_t* const* rows, std::int64_t values, std::uint8_t* record) {
  for (std::int64_t r = 0; r < kPanelRows; ++r) {
    std::int64_t pair = 0;
    for (; 2 * pair + 1 < values; ++pair)
      store_word(record + pair * 64 + r * 4, load_word(rows[r] + pair * 4));
    if (2 * pair < values) std::memcpy(record + pair * 64 + r * 4, rows[r] + pair * 4, 2);
  }
}

}  // namespace

PackRecord packer_of_floats(DType type) {
  switch (type) {
    case DType::kF32:
      return pack_columns<std::uint32_t>;
    case DType::kF16:
      return pack_columns<std::uint16_t>;
    case DType::kBF16:
      return pack_pairs;
    default:
      return nullptr;
  }
}

}  // namespace atelier::kernels
