// exp over Lanes, or several of them abreast: one sequence of roundings for every instruction set. Include
// after one of the float_lanes_*.h.
#pragma once

#include <cstdint>

namespace atelier::kernels {
namespace {

// kCount Lanes side by side. The twenty steps of exp wait for one another: taken step by step for four
// registers instead of one after the other, SwiGLU takes a quarter less time.
template <int kCount>
struct Abreast {
  struct V {
    Lanes::V each[kCount];
  };

  template <class F>
  static V of(F f) {
    V out;
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) out.each[i] = f(i);
    return out;
  }
  static V set(float value) {
    return of([&](int) { return Lanes::set(value); });
  }
  // Of so many rows.
  static V load(const float* p, std::int64_t stride) {
    return of([&](int i) { return Lanes::load(p + i * stride); });
  }
  static void store(float* p, std::int64_t stride, const V& a) {
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) Lanes::store(p + i * stride, a.each[i]);
  }
  static V add(const V& a, const V& b) {
    return of([&](int i) { return Lanes::add(a.each[i], b.each[i]); });
  }
  static V sub(const V& a, const V& b) {
    return of([&](int i) { return Lanes::sub(a.each[i], b.each[i]); });
  }
  static V mul(const V& a, const V& b) {
    return of([&](int i) { return Lanes::mul(a.each[i], b.each[i]); });
  }
  static V div(const V& a, const V& b) {
    return of([&](int i) { return Lanes::div(a.each[i], b.each[i]); });
  }
  static V fma(const V& a, const V& b, const V& c) {
    return of([&](int i) { return Lanes::fma(a.each[i], b.each[i], c.each[i]); });
  }
  static V negated_fma(const V& a, const V& b, const V& c) {
    return of([&](int i) { return Lanes::negated_fma(a.each[i], b.each[i], c.each[i]); });
  }
  static V max(const V& a, const V& b) {
    return of([&](int i) { return Lanes::max(a.each[i], b.each[i]); });
  }
  static V min(const V& a, const V& b) {
    return of([&](int i) { return Lanes::min(a.each[i], b.each[i]); });
  }
  static V zero_below(const V& x, float limit, const V& a) {
    return of([&](int i) { return Lanes::zero_below(x.each[i], limit, a.each[i]); });
  }
  static V scale_by_power(const V& a, const V& magic) {
    return of([&](int i) { return Lanes::scale_by_power(a.each[i], magic.each[i]); });
  }
};

// Below this exp is taken as exactly 0 (1.8e-35 rounded off), so that a masked key, at -infinity, weighs
// nothing and no product with a half-precision value becomes subnormal.
constexpr float kExpFloor = -80.0f;

// e^(x - n ln2) for the whole number n that stands in the low bits of magic = x / ln2 + 1.5 2^23: a
// degree-7 polynomial, that of Cephes' expf (S. Moshier).
template <class L>
typename L::V power_of_rest(const typename L::V& x, const typename L::V& magic) {
  using V = typename L::V;
  const V n = L::sub(magic, L::set(12582912.0f));
  V r = L::negated_fma(n, L::set(0.693359375f), x);
  r = L::negated_fma(n, L::set(-2.12194440e-4f), r);
  V p = L::set(1.9875691500e-4f);
  p = L::fma(p, r, L::set(1.3981999507e-3f));
  p = L::fma(p, r, L::set(8.3334519073e-3f));
  p = L::fma(p, r, L::set(4.1665795894e-2f));
  p = L::fma(p, r, L::set(1.6666665459e-1f));
  p = L::fma(p, r, L::set(5.0000001201e-1f));
  return L::add(L::fma(p, L::mul(r, r), r), L::set(1.0f));
}

// e^x to within 2 ulp on [-80, 88]; 0 below, e^88 above; exp(0) = 1 exactly.
// x = n ln2 + r with |r| <= ln2/2.
template <class L>
typename L::V exp(const typename L::V& x) {
  const typename L::V bounded = L::max(L::set(-86.0f), L::min(L::set(88.0f), x));
  const typename L::V magic = L::fma(bounded, L::set(1.44269504f), L::set(12582912.0f));
  return L::zero_below(x, kExpFloor, L::scale_by_power(power_of_rest<L>(bounded, magic), magic));
}

// exp(x) for x <= 0, or -infinity, to the same bits: without the bounds, as what lies below -80 becomes 0.
template <class L>
typename L::V exp_of_fall(const typename L::V& x) {
  const typename L::V magic = L::fma(x, L::set(1.44269504f), L::set(12582912.0f));
  return L::zero_below(x, kExpFloor, L::scale_by_power(power_of_rest<L>(x, magic), magic));
}

}  // namespace
}  // namespace atelier::kernels
