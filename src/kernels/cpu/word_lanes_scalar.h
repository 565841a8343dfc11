// Whole numbers of 16 bits in plain C++, the reference of word_lanes_avx512.h: a V of floats can also carry
// 32 of them, two to a lane; Words::V are sums of 32 bits. Include after float_lanes_scalar.h.
#pragma once

#include <bit>
#include <cstddef>

namespace atelier::kernels {
namespace {

struct Words {
  struct V {
    std::int32_t n[16];
  };
  static constexpr int kRows = 16;  // multiplied side by side: a divisor of 16, as many as registers hold

  static V zero() { return {}; }
  static V load(const std::byte* from) {
    V out;
    __builtin_memcpy(out.n, from, sizeof out.n);
    return out;
  }
  // sum + in each lane both products of b's pair with the pair at `a`.
  static V dot(V sum, V b, const std::byte* a) {
    std::int16_t pair[2];
    __builtin_memcpy(pair, a, sizeof pair);
    for (int i = 0; i < 16; ++i) {
      std::int16_t with[2];
      __builtin_memcpy(with, b.n + i, sizeof with);
      sum.n[i] += pair[0] * with[0] + pair[1] * with[1];
    }
    return sum;
  }
  static Lanes::V to_float(V a) {
    return Lanes::each([&](int i) { return static_cast<float>(a.n[i]); });
  }
};

// The nearest whole number, ties to even, of |x| < 2^15; what is no number becomes 0.
inline std::uint32_t word_bits(float x) {
  if (!(__builtin_fabsf(x) < 32768.0f)) return 0;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(__builtin_rintf(x))) & 0xffffu;
}

// first[0], first[1], ...
inline Lanes::V word_row(Lanes::V first, Lanes::V second) {
  return Lanes::each([&](int i) {
    const float* from = i < 8 ? first.f + 2 * i : second.f + 2 * (i - 8);
    return std::bit_cast<float>(word_bits(from[0]) | word_bits(from[1]) << 16);
  });
}

// even[0], odd[0], even[1], ...
inline Lanes::V word_pairs(Lanes::V even, Lanes::V odd) {
  return Lanes::each(
      [&](int i) { return std::bit_cast<float>(word_bits(even.f[i]) | word_bits(odd.f[i]) << 16); });
}

}  // namespace
}  // namespace atelier::kernels
