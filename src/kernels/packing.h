// Packing: how one record of a panel is made from the file's blocks of 16 rows. Pure 32-bit transposition
// wherever the format allows; no value is ever decoded.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/panel_layout.h"

namespace atelier::kernels {

// rows[r]: row r's file bytes at the record's first value (zero bytes for a row past n). values: how many of
// the record's values exist, <= 32 * record_groups. The record is zero before.
using PackRecord = void (*)(const std::uint8_t* const* rows, std::int64_t values, std::uint8_t* record);

PackRecord packer_of_floats(DType type);    // F32 F16 BF16, else null
PackRecord packer_of_blocks(DType type);    // the kinds with blocks of 32, else null
PackRecord packer_of_k_blocks(DType type);  // the kinds with blocks of 256, else null

inline std::uint32_t load_word(const std::uint8_t* from) {
  std::uint32_t word;
  std::memcpy(&word, from, 4);
  return word;
}

inline void store_word(std::uint8_t* to, std::uint32_t word) {
  std::memcpy(to, &word, 4);
}

// Bits 4q + b of a row, q = 0..7, as bit q of byte b.
inline std::uint32_t bits_by_byte(std::uint32_t bits) {
  std::uint32_t out = 0;
  for (int b = 0; b < 4; ++b) {
    std::uint32_t x = (bits >> b) & 0x11111111u;
    x = (x | x >> 3) & 0x03030303u;
    x = (x | x >> 6) & 0x000f000fu;
    out |= ((x | x >> 12) & 0xffu) << (8 * b);
  }
  return out;
}

// The bit plane of one group from each row's 32 bits (bit k = value k).
inline void store_bits(const std::uint32_t* row_bits, std::uint8_t* plane) {
  for (int r = 0; r < 16; ++r) store_word(plane + 4 * r, bits_by_byte(row_bits[r]));
}

}  // namespace atelier::kernels
