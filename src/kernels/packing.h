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

// The bit plane of one group from each row's 32 bits (bit k = value k): word q gets row r's bits 4q..4q+3 at
// 4r. Rows go in pairs, so that two nibbles make a byte.
inline void store_bits(const std::uint32_t* row_bits, std::uint8_t* plane) {
  for (int pair = 0; pair < 8; ++pair) {
    const std::uint32_t a = row_bits[2 * pair], b = row_bits[2 * pair + 1];
    const std::uint32_t even = (a & 0x0f0f0f0fu) | ((b & 0x0f0f0f0fu) << 4);
    const std::uint32_t odd = ((a >> 4) & 0x0f0f0f0fu) | (b & 0xf0f0f0f0u);
    for (int j = 0; j < 4; ++j) {
      plane[16 * j + pair] = static_cast<std::uint8_t>(even >> (8 * j));
      plane[16 * j + 8 + pair] = static_cast<std::uint8_t>(odd >> (8 * j));
    }
  }
}

}  // namespace atelier::kernels
