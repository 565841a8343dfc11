// What attention by tiles adds to Lanes, in plain C++: the reference of pair_lanes_amx.h. A V can also carry
// 32 bf16, two to a lane. Include after float_lanes_scalar.h, in attention_emulated.cpp and nowhere else.
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

inline void transpose(Lanes::V (&rows)[16]) {
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < i; ++j) {
      const float above = rows[j].f[i];
      rows[j].f[i] = rows[i].f[j];
      rows[i].f[j] = above;
    }
}

// x - floor(x), rounded; 0 for an infinite x.
inline Lanes::V fraction(Lanes::V x) {
  return Lanes::each(
      [&](int i) { return __builtin_isinf(x.f[i]) ? 0.0f : x.f[i] - __builtin_floorf(x.f[i]); });
}

// a 2^floor(x), x <= 0.
inline Lanes::V scale_by_floor(Lanes::V a, Lanes::V x) {
  return Lanes::each([&](int i) {
    return x.f[i] < -300.0f ? 0.0f : __builtin_ldexpf(a.f[i], static_cast<int>(__builtin_floorf(x.f[i])));
  });
}

// Lanes where key < seen keep their score, the others get `hidden`.
inline Lanes::V keep_seen(Lanes::V score, float key, Lanes::V seen, float hidden) {
  return Lanes::each([&](int i) { return key < seen.f[i] ? score.f[i] : hidden; });
}

inline bool any_above(Lanes::V a, Lanes::V b) {
  for (int i = 0; i < 16; ++i)
    if (a.f[i] > b.f[i]) return true;
  return false;
}

}  // namespace
}  // namespace atelier::kernels
