// Pairs of bf16 in plain C++, the reference of pair_lanes_amx.h: a V can also carry 32 bf16, two to a lane.
// Include after float_lanes_scalar.h, in attention_emulated.cpp and nowhere else.
#pragma once

#include <bit>

namespace atelier::kernels {
namespace {

// Nearest even; subnormals become zero, as the tiles take them anyway.
inline std::uint32_t bf16_bits(float x) {
  if (__builtin_fabsf(x) < 0x1p-126f) return std::bit_cast<std::uint32_t>(x) >> 31 << 15;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}

// Both rounded to bf16: first[0], first[1], ...
inline Lanes::V round_row(Lanes::V first, Lanes::V second) {
  return Lanes::each([&](int i) {
    const float* from = i < 8 ? first.f + 2 * i : second.f + 2 * (i - 8);
    return std::bit_cast<float>(bf16_bits(from[0]) | bf16_bits(from[1]) << 16);
  });
}

// Both rounded to bf16: even[0], odd[0], even[1], ...
inline Lanes::V round_pairs(Lanes::V even, Lanes::V odd) {
  return Lanes::each(
      [&](int i) { return std::bit_cast<float>(bf16_bits(even.f[i]) | bf16_bits(odd.f[i]) << 16); });
}

// The same, cut off instead of rounded.
inline Lanes::V cut_pairs(Lanes::V even, Lanes::V odd) {
  return Lanes::each([&](int i) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(even.f[i]) >> 16 |
                                (std::bit_cast<std::uint32_t>(odd.f[i]) & 0xffff0000u));
  });
}

}  // namespace
}  // namespace atelier::kernels
