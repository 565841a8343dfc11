// Blocks of 256 values (the K-quants): 8 groups of 32 with 6-bit or smaller integer scales under one f16 d
// (and dmin). Planes are re-cut by masks and shifts on 32-bit words; the 6-bit scales become bytes.
#include <cstddef>

#include "kernels/packing.h"

namespace atelier::kernels {
namespace {

constexpr std::int64_t kGroups = 8;

// Bit `bit` of each of 32 bytes, as one word.
std::uint32_t gather_bits(const std::uint8_t* bytes, int bit) {
  std::uint32_t out = 0;
  for (int i = 0; i < 4; ++i) {
    std::uint64_t word;
    std::memcpy(&word, bytes + 8 * i, 8);
    word = (word >> bit) & 0x0101010101010101u;
    // Byte j's bit lands at 56 + j; lower products do not carry.
    out |= static_cast<std::uint32_t>((word * 0x0102040810204080u) >> 56) << (8 * i);
  }
  return out;
}

// The 32 nibbles at `nibbles` (one per byte, at `shift`), as the plane's 4 words of row r.
void store_nibbles(const std::uint8_t* nibbles, int shift, std::uint8_t* plane, std::int64_t r) {
  for (int v = 0; v < 4; ++v) {
    const std::uint32_t low = (load_word(nibbles + 4 * v) >> shift) & 0x0f0f0f0fu;
    const std::uint32_t high = (load_word(nibbles + 16 + 4 * v) >> shift) & 0x0f0f0f0fu;
    store_word(plane + v * 64 + r * 4, low | (high << 4));
  }
}

// The 32 two-bit fields at `fields` (one per byte, at `shift`), as the plane's 2 words of row r.
void store_pairs(const std::uint8_t* fields, int shift, std::uint8_t* plane, std::int64_t r) {
  for (int h = 0; h < 2; ++h) {
    std::uint32_t word = 0;
    for (int i = 0; i < 4; ++i)
      word |= ((load_word(fields + 16 * h + 4 * i) >> shift) & 0x03030303u) << (2 * i);
    store_word(plane + h * 64 + r * 4, word);
  }
}

// Q4_K and Q5_K: 12 bytes hold 8 scales and 8 mins of 6 bits.
struct SixBitScales {
  std::uint8_t scale[8], min[8];
};

SixBitScales unpack_six_bits(const std::uint8_t* packed) {
  SixBitScales out;
  for (int i = 0; i < 4; ++i) {
    out.scale[i] = packed[i] & 63;
    out.min[i] = packed[i + 4] & 63;
    out.scale[i + 4] = static_cast<std::uint8_t>((packed[i + 8] & 15) | ((packed[i] >> 6) << 4));
    out.min[i + 4] = static_cast<std::uint8_t>((packed[i + 8] >> 4) | ((packed[i + 4] >> 6) << 4));
  }
  return out;
}

template <DType kKind>
void pack_four_or_five(const std::uint8_t* const* rows, std::int64_t, std::uint8_t* record) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  constexpr int kBits = 16, kValues = kLayout.bits_stride > 0 ? 48 : 16;
  std::uint32_t bits[kGroups][kPanelRows];
  for (std::int64_t r = 0; r < kPanelRows; ++r) {
    const std::uint8_t* block = rows[r];
    std::memcpy(record + kLayout.d + r * 2, block, 2);
    std::memcpy(record + kLayout.dmin + r * 2, block + 2, 2);
    const SixBitScales scales = unpack_six_bits(block + 4);
    for (std::int64_t g = 0; g < kGroups; ++g) {
      record[kLayout.scales + g * 16 + r] = scales.scale[g];
      record[kLayout.mins + g * 16 + r] = scales.min[g];
      store_nibbles(block + kValues + (g / 2) * 32, g % 2 == 0 ? 0 : 4,
                    record + kLayout.nibbles + g * kLayout.nibbles_stride, r);
      if constexpr (kLayout.bits_stride > 0) bits[g][r] = gather_bits(block + kBits, static_cast<int>(g));
    }
  }
  if constexpr (kLayout.bits_stride > 0) {
    for (std::int64_t g = 0; g < kGroups; ++g)
      store_bits(bits[g], record + kLayout.bits + g * kLayout.bits_stride);
  }
}

// ql[128] qh[64] scales[16] d: group g of half n = g / 4 takes low or high nibbles of 32 bytes of ql and the
// field g % 4 of 32 bytes of qh.
void pack_six(const std::uint8_t* const* rows, std::int64_t, std::uint8_t* record) {
  constexpr PanelLayout kLayout = panel_layout(DType::kQ6_K);
  for (std::int64_t r = 0; r < kPanelRows; ++r) {
    const std::uint8_t* low = rows[r];
    const std::uint8_t* high = low + 128;
    const std::uint8_t* scales = low + 192;
    std::memcpy(record + kLayout.d + r * 2, low + 208, 2);
    for (std::int64_t g = 0; g < kGroups; ++g) {
      const std::int64_t half = g / 4, field = g % 4;
      store_nibbles(low + half * 64 + (field % 2) * 32, field < 2 ? 0 : 4,
                    record + kLayout.nibbles + g * kLayout.nibbles_stride, r);
      store_pairs(high + half * 32, static_cast<int>(2 * field),
                  record + kLayout.pairs + g * kLayout.pairs_stride, r);
      record[kLayout.scales + (2 * g) * 16 + r] = scales[2 * g];
      record[kLayout.scales + (2 * g + 1) * 16 + r] = scales[2 * g + 1];
    }
  }
}

// scales[16] qs[64] d dmin.
void pack_two(const std::uint8_t* const* rows, std::int64_t, std::uint8_t* record) {
  constexpr PanelLayout kLayout = panel_layout(DType::kQ2_K);
  for (std::int64_t r = 0; r < kPanelRows; ++r) {
    const std::uint8_t* block = rows[r];
    std::memcpy(record + kLayout.d + r * 2, block + 80, 2);
    std::memcpy(record + kLayout.dmin + r * 2, block + 82, 2);
    for (std::int64_t g = 0; g < kGroups; ++g) {
      store_pairs(block + 16 + (g / 4) * 32, static_cast<int>(2 * (g % 4)),
                  record + kLayout.pairs + g * kLayout.pairs_stride, r);
      record[kLayout.scales + (2 * g) * 16 + r] = block[2 * g];
      record[kLayout.scales + (2 * g + 1) * 16 + r] = block[2 * g + 1];
    }
  }
}

// Q3_K: 12 bytes hold 16 scales of 6 bits, 32 too large: low nibbles in bytes 0..7, high pairs in 8..11.
void unpack_signed_six_bits(const std::uint8_t* packed, std::uint8_t* out) {
  for (int i = 0; i < 16; ++i) {
    const int low = i < 8 ? packed[i] & 15 : packed[i - 8] >> 4;
    const int high = (packed[8 + i % 4] >> (2 * (i / 4))) & 3;
    out[i] = static_cast<std::uint8_t>((low | (high << 4)) - 32);
  }
}

// hmask[32] qs[64] scales[12] d: value = two bits of qs | bit g of hmask << 2, minus 4.
void pack_three(const std::uint8_t* const* rows, std::int64_t, std::uint8_t* record) {
  constexpr PanelLayout kLayout = panel_layout(DType::kQ3_K);
  std::uint32_t bits[kGroups][kPanelRows];
  for (std::int64_t r = 0; r < kPanelRows; ++r) {
    const std::uint8_t* block = rows[r];
    std::uint8_t scales[16];
    unpack_signed_six_bits(block + 96, scales);
    std::memcpy(record + kLayout.d + r * 2, block + 108, 2);
    for (std::int64_t g = 0; g < kGroups; ++g) {
      store_pairs(block + 32 + (g / 4) * 32, static_cast<int>(2 * (g % 4)),
                  record + kLayout.pairs + g * kLayout.pairs_stride, r);
      bits[g][r] = gather_bits(block, static_cast<int>(g));
      record[kLayout.scales + (2 * g) * 16 + r] = scales[2 * g];
      record[kLayout.scales + (2 * g + 1) * 16 + r] = scales[2 * g + 1];
    }
  }
  for (std::int64_t g = 0; g < kGroups; ++g)
    store_bits(bits[g], record + kLayout.bits + g * kLayout.bits_stride);
}

}  // namespace

PackRecord packer_of_k_blocks(DType type) {
  switch (type) {
    case DType::kQ2_K:
      return pack_two;
    case DType::kQ3_K:
      return pack_three;
    case DType::kQ4_K:
      return pack_four_or_five<DType::kQ4_K>;
    case DType::kQ5_K:
      return pack_four_or_five<DType::kQ5_K>;
    case DType::kQ6_K:
      return pack_six;
    default:
      return nullptr;
  }
}

}  // namespace atelier::kernels
