// Lanes: sixteen floats at once, in plain C++. The reference of float_lanes_avx2.h and float_lanes_avx512.h,
// which offer the same functions with the same rounding; rowwise_body.h and attention_body.h are written over
// any of them. For the *_scalar.cpp files only.
#pragma once

#include <cstdint>

#include "tensor/half.h"

namespace atelier::kernels {
namespace {

struct Lanes {
  struct V {
    float f[16];
  };

  // Register blocks of the attention kernels (attention_body.h).
  static constexpr int kScoreQueries = 1, kValueQueries = 1, kValueVectors = 1;

  template <class F>
  static V each(F f) {
    V out;
    for (int i = 0; i < 16; ++i) out.f[i] = f(i);
    return out;
  }

  static V set(float value) {
    return each([&](int) { return value; });
  }
  static V load(const float* p) {
    return each([&](int i) { return p[i]; });
  }
  static V load_part(const float* p, int count) {  // the first `count` of 16; zeros behind them
    return each([&](int i) { return i < count ? p[i] : 0.0f; });
  }
  // `a`, and a line on its way to the second-level cache, asked for after what `a` was loaded from. Compilers
  // put a prefetch before the load, where it costs attention 8 %.
  static V fetch_after(V a, const void* line) {
    __builtin_prefetch(line, 0, 2);
    return a;
  }
  static void store(float* p, V a) {
    for (int i = 0; i < 16; ++i) p[i] = a.f[i];
  }
  static void store_part(float* p, V a, int count) {
    for (int i = 0; i < count; ++i) p[i] = a.f[i];
  }
  static V load_f16(const std::uint16_t* p) {
    return each([&](int i) { return f32_from_f16(p[i]); });
  }
  static void store_f16(std::uint16_t* p, V a) {
    for (int i = 0; i < 16; ++i) p[i] = f16_from_f32(a.f[i]);
  }
  static V load_i8(const std::int8_t* p) {
    return each([&](int i) { return static_cast<float>(p[i]); });
  }

  static V add(V a, V b) {
    return each([&](int i) { return a.f[i] + b.f[i]; });
  }
  static V sub(V a, V b) {
    return each([&](int i) { return a.f[i] - b.f[i]; });
  }
  static V mul(V a, V b) {
    return each([&](int i) { return a.f[i] * b.f[i]; });
  }
  static V div(V a, V b) {
    return each([&](int i) { return a.f[i] / b.f[i]; });
  }
  static V fma(V a, V b, V c) {  // a b + c, rounded once
    return each([&](int i) { return __builtin_fmaf(a.f[i], b.f[i], c.f[i]); });
  }
  // *one b + c, the number broadcast by the multiplication where the instruction set can.
  static V fma_one(const float* one, V b, V c) { return fma(set(*one), b, c); }
  static V negated_fma(V a, V b, V c) {  // c - a b, rounded once
    return each([&](int i) { return __builtin_fmaf(-a.f[i], b.f[i], c.f[i]); });
  }
  // As MAXPS and MINPS: the second operand where either is NaN.
  static V max(V a, V b) {
    return each([&](int i) { return a.f[i] > b.f[i] ? a.f[i] : b.f[i]; });
  }
  static V min(V a, V b) {
    return each([&](int i) { return a.f[i] < b.f[i] ? a.f[i] : b.f[i]; });
  }
  static V zero_below(V x, float limit, V a) {  // x < limit ? 0 : a
    return each([&](int i) { return x.f[i] < limit ? 0.0f : a.f[i]; });
  }
  static V keep_first(V a, int count, float other) {  // lanes >= count become `other`
    return each([&](int i) { return i < count ? a.f[i] : other; });
  }
  // a 2^n, n standing in the low bits of `magic`'s lanes (see exp in float_lanes_math.h).
  static V scale_by_power(V a, V magic) {
    return each([&](int i) {
      return std::bit_cast<float>(std::bit_cast<std::uint32_t>(a.f[i]) +
                                  (std::bit_cast<std::uint32_t>(magic.f[i]) << 23));
    });
  }

  static float first(V a) { return a.f[0]; }

  // One tree: lanes i and i + 8, then i + 4, i + 2, i + 1.
  static float fold_add(V a) {
    for (int half = 8; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) a.f[i] = a.f[i] + a.f[i + half];
    return a.f[0];
  }
  static float fold_max(V a) {
    for (int half = 8; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) a.f[i] = a.f[i] > a.f[i + half] ? a.f[i] : a.f[i + half];
    return a.f[0];
  }
};

}  // namespace
}  // namespace atelier::kernels
