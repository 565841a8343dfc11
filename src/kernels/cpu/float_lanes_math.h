// exp over Lanes: one sequence of roundings for every instruction set. Include after one of the
// float_lanes_*.h.
#pragma once

namespace atelier::kernels {
namespace {

// Below this exp is taken as exactly 0 (1.8e-35 rounded off), so that a masked key, at -infinity, weighs
// nothing and no product with a half-precision value becomes subnormal.
constexpr float kExpFloor = -80.0f;

// e^(x - n ln2) for the whole number n that stands in the low bits of magic = x / ln2 + 1.5 2^23: a
// degree-7 polynomial, that of Cephes' expf (S. Moshier).
Lanes::V power_of_rest(Lanes::V x, Lanes::V magic) {
  using L = Lanes;
  const L::V n = L::sub(magic, L::set(12582912.0f));
  L::V r = L::negated_fma(n, L::set(0.693359375f), x);
  r = L::negated_fma(n, L::set(-2.12194440e-4f), r);
  L::V p = L::set(1.9875691500e-4f);
  p = L::fma(p, r, L::set(1.3981999507e-3f));
  p = L::fma(p, r, L::set(8.3334519073e-3f));
  p = L::fma(p, r, L::set(4.1665795894e-2f));
  p = L::fma(p, r, L::set(1.6666665459e-1f));
  p = L::fma(p, r, L::set(5.0000001201e-1f));
  return L::add(L::fma(p, L::mul(r, r), r), L::set(1.0f));
}

// e^x to within 2 ulp on [-80, 88]; 0 below, e^88 above; exp(0) = 1 exactly.
// x = n ln2 + r with |r| <= ln2/2.
[[maybe_unused]] Lanes::V exp(Lanes::V x) {
  using L = Lanes;
  const L::V bounded = L::max(L::set(-86.0f), L::min(L::set(88.0f), x));
  const L::V magic = L::fma(bounded, L::set(1.44269504f), L::set(12582912.0f));
  return L::zero_below(x, kExpFloor, L::scale_by_power(power_of_rest(bounded, magic), magic));
}

// exp(x) for x <= 0, or -infinity, to the same bits: without the bounds, as what lies below -80 becomes 0.
[[maybe_unused]] Lanes::V exp_of_fall(Lanes::V x) {
  using L = Lanes;
  const L::V magic = L::fma(x, L::set(1.44269504f), L::set(12582912.0f));
  return L::zero_below(x, kExpFloor, L::scale_by_power(power_of_rest(x, magic), magic));
}

}  // namespace
}  // namespace atelier::kernels
