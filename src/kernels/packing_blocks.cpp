// Blocks of 32 values: [d f16] [m f16]? [bits u32]? then 16 bytes of nibbles (byte j: value j low, j + 16
// high) or 32 signed bytes. The nibbles are already the plane's: packing moves 32-bit words.
#include "kernels/packing.h"

namespace atelier::kernels {
namespace {

template <DType kKind>
void pack_blocks(const std::uint8_t* const* rows, std::int64_t values, std::uint8_t* record) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  constexpr std::int64_t kBlock = traits(kKind).block_bytes;
  constexpr int kBits = kLayout.has_min ? 4 : 2, kValues = kBits + (kLayout.bits_stride > 0 ? 4 : 0);
  constexpr int kWords = kLayout.bytes_stride > 0 ? 8 : 4;
  for (std::int64_t g = 0; g * kGroup < values; ++g) {
    std::uint8_t* plane = record + (kWords == 8 ? kLayout.bytes : kLayout.nibbles) + g * kWords * 64;
    std::uint32_t bits[kPanelRows];
    for (std::int64_t r = 0; r < kPanelRows; ++r) {
      const std::uint8_t* block = rows[r] + g * kBlock;
      for (int v = 0; v < kWords; ++v) store_word(plane + v * 64 + r * 4, load_word(block + kValues + 4 * v));
      std::memcpy(record + kLayout.scales + g * 32 + r * 2, block, 2);
      if constexpr (kLayout.has_min) std::memcpy(record + kLayout.mins + g * 32 + r * 2, block + 2, 2);
      if constexpr (kLayout.bits_stride > 0) bits[r] = load_word(block + kBits);
    }
    if constexpr (kLayout.bits_stride > 0) store_bits(bits, record + kLayout.bits + g * kLayout.bits_stride);
  }
}

}  // namespace

PackRecord packer_of_blocks(DType type) {
  switch (type) {
    case DType::kQ4_0:
      return pack_blocks<DType::kQ4_0>;
    case DType::kQ4_1:
      return pack_blocks<DType::kQ4_1>;
    case DType::kQ5_0:
      return pack_blocks<DType::kQ5_0>;
    case DType::kQ5_1:
      return pack_blocks<DType::kQ5_1>;
    case DType::kQ8_0:
      return pack_blocks<DType::kQ8_0>;
    case DType::kIQ4_NL:
      return pack_blocks<DType::kIQ4_NL>;
    default:
      return nullptr;
  }
}

}  // namespace atelier::kernels
