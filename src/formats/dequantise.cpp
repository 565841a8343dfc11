#include "formats/dequantise.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "tensor/half.h"

namespace atelier::formats {
namespace {

// One block's bytes, read front to back by the functions below. Offsets in them are those of ggml's structs.
using Block = const std::uint8_t*;

float half_at(Block block, int offset) {
  std::uint16_t bits;
  std::memcpy(&bits, block + offset, 2);
  return f32_from_f16(bits);
}

int low(std::uint8_t byte) {
  return byte & 15;
}
int high(std::uint8_t byte) {
  return byte >> 4;
}

// 32 values, byte i holding value i below and value i + 16 above: d · (q - 8).
void q4_0(Block block, float* out) {
  const float d = half_at(block, 0);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(low(block[2 + i]) - 8);
    out[i + 16] = d * static_cast<float>(high(block[2 + i]) - 8);
  }
}

// d · q + m.
void q4_1(Block block, float* out) {
  const float d = half_at(block, 0), m = half_at(block, 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(low(block[4 + i])) + m;
    out[i + 16] = d * static_cast<float>(high(block[4 + i])) + m;
  }
}

// The fifth bits of 32 values stand in one word, value i's at bit i.
int fifth_bit(std::uint32_t word, int i) {
  return static_cast<int>((word >> i) & 1) << 4;
}

// d · (q - 16).
void q5_0(Block block, float* out) {
  const float d = half_at(block, 0);
  std::uint32_t top;
  std::memcpy(&top, block + 2, 4);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((low(block[6 + i]) | fifth_bit(top, i)) - 16);
    out[i + 16] = d * static_cast<float>((high(block[6 + i]) | fifth_bit(top, i + 16)) - 16);
  }
}

// d · q + m.
void q5_1(Block block, float* out) {
  const float d = half_at(block, 0), m = half_at(block, 2);
  std::uint32_t top;
  std::memcpy(&top, block + 4, 4);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(low(block[8 + i]) | fifth_bit(top, i)) + m;
    out[i + 16] = d * static_cast<float>(high(block[8 + i]) | fifth_bit(top, i + 16)) + m;
  }
}

void q8_0(Block block, float* out) {
  const float d = half_at(block, 0);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<std::int8_t>(block[2 + i])) * d;
}

// d · level[q].
void iq4_nl(Block block, float* out) {
  static constexpr std::array<std::int8_t, 16> kLevels = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                          1,    13,   25,  38,  53,  69,  89,  113};
  const float d = half_at(block, 0);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(kLevels[static_cast<std::size_t>(low(block[2 + i]))]);
    out[i + 16] = d * static_cast<float>(kLevels[static_cast<std::size_t>(high(block[2 + i]))]);
  }
}

// The K formats: 256 values in groups of 16 or 32, each group with its own small scale under the block's d.

// 16 bytes of (scale, minimum) nibbles, 64 of 2-bit values, d, dmin: (d · s) · q - (dmin · m).
void q2_k(Block block, float* out) {
  const float d = half_at(block, 80), dmin = half_at(block, 82);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, plane = i / 32 % 4;  // a byte holds one value of each of four planes
    const int q = (block[16 + half * 32 + i % 32] >> (2 * plane)) & 3;
    const std::uint8_t scale = block[i / 16];
    out[i] =
        d * static_cast<float>(low(scale)) * static_cast<float>(q) - dmin * static_cast<float>(high(scale));
  }
}

// 32 bytes of third bits (set: no offset), 64 of 2-bit values, 12 of 6-bit scales, d: (d · (s - 32)) · (q -
// 4).
void q3_k(Block block, float* out) {
  const Block scales = block + 96;
  const float d = half_at(block, 108);
  for (int i = 0; i < 256; ++i) {
    const int group = i / 16, half = i / 128, plane = i / 32 % 4;
    const int lower = group < 8 ? low(scales[group]) : high(scales[group - 8]);
    const int upper = (scales[8 + group % 4] >> (2 * (group / 4))) & 3;
    const int scale = (lower | upper << 4) - 32;
    const int q = (block[32 + half * 32 + i % 32] >> (2 * plane)) & 3;
    const int offset = (block[i % 32] >> (i / 32)) & 1 ? 0 : 4;
    out[i] = d * static_cast<float>(scale) * static_cast<float>(q - offset);
  }
}

struct ScaleAndMinimum {
  float scale, minimum;
};

// Q4_K and Q5_K pack eight 6-bit scales and eight 6-bit minima into 12 bytes: 0-3 and 4-7 hold the first four
// of each in their low six bits, 8-11 the low nibbles of the last four; their top bits are those of 0-7.
ScaleAndMinimum scale_and_minimum(Block packed, int group) {
  if (group < 4) {
    return {static_cast<float>(packed[group] & 63), static_cast<float>(packed[group + 4] & 63)};
  }
  const int scale = low(packed[group + 4]) | (packed[group - 4] >> 6) << 4;
  const int minimum = high(packed[group + 4]) | (packed[group] >> 6) << 4;
  return {static_cast<float>(scale), static_cast<float>(minimum)};
}

// d, dmin, 12 bytes of scales, 128 of nibbles: (d · s) · q - (dmin · m).
void q4_k(Block block, float* out) {
  const float d = half_at(block, 0), dmin = half_at(block, 2);
  for (int group = 0; group < 8; ++group) {
    const auto [scale, minimum] = scale_and_minimum(block + 4, group);
    const Block nibbles = block + 16 + group / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      const int q = group % 2 == 0 ? low(nibbles[i]) : high(nibbles[i]);
      out[group * 32 + i] = d * scale * static_cast<float>(q) - dmin * minimum;
    }
  }
}

// As Q4_K, with 32 bytes of fifth bits between scales and nibbles: group g's at bit g.
void q5_k(Block block, float* out) {
  const float d = half_at(block, 0), dmin = half_at(block, 2);
  for (int group = 0; group < 8; ++group) {
    const auto [scale, minimum] = scale_and_minimum(block + 4, group);
    const Block top = block + 16, nibbles = block + 48 + group / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      const int q = (group % 2 == 0 ? low(nibbles[i]) : high(nibbles[i])) | ((top[i] >> group) & 1) << 4;
      out[group * 32 + i] = d * scale * static_cast<float>(q) - dmin * minimum;
    }
  }
}

// 128 bytes of nibbles, 64 of upper bit pairs, 16 signed scales, d: (d · s) · (q - 32).
void q6_k(Block block, float* out) {
  const float d = half_at(block, 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, plane = i / 32 % 4;
    const std::uint8_t nibbles = block[half * 64 + i % 64];
    const int lower = plane < 2 ? low(nibbles) : high(nibbles);
    const int upper = (block[128 + half * 32 + i % 32] >> (2 * plane)) & 3;
    const auto scale = static_cast<std::int8_t>(block[192 + i / 16]);
    out[i] = d * static_cast<float>(scale) * static_cast<float>((lower | upper << 4) - 32);
  }
}

void f32(Block block, float* out) {
  std::memcpy(out, block, 4);
}
void f16(Block block, float* out) {
  *out = half_at(block, 0);
}
void bf16(Block block, float* out) {
  std::uint16_t bits;
  std::memcpy(&bits, block, 2);
  *out = f32_from_bf16(bits);
}

using BlockReader = void (*)(Block, float*);

BlockReader reader_of(DType type) {
  switch (type) {
    case DType::kF32:
      return f32;
    case DType::kF16:
      return f16;
    case DType::kBF16:
      return bf16;
    case DType::kQ4_0:
      return q4_0;
    case DType::kQ4_1:
      return q4_1;
    case DType::kQ5_0:
      return q5_0;
    case DType::kQ5_1:
      return q5_1;
    case DType::kQ8_0:
      return q8_0;
    case DType::kQ2_K:
      return q2_k;
    case DType::kQ3_K:
      return q3_k;
    case DType::kQ4_K:
      return q4_k;
    case DType::kQ5_K:
      return q5_k;
    case DType::kQ6_K:
      return q6_k;
    case DType::kIQ4_NL:
      return iq4_nl;
  }
  return nullptr;
}

}  // namespace

void dequantise(DType type, std::span<const std::byte> bytes, std::span<float> out) {
  const DTypeTraits layout = traits(type);
  const auto values = static_cast<std::size_t>(layout.block_values);
  const auto stride = static_cast<std::size_t>(layout.block_bytes);
  ATELIER_CHECK(out.size() % values == 0 && bytes.size() == out.size() / values * stride);
  const BlockReader read = reader_of(type);
  const auto* block = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (std::size_t i = 0; i < out.size(); i += values, block += stride) read(block, out.data() + i);
}

}  // namespace atelier::formats
