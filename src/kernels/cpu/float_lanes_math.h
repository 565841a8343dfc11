// exp over Lanes: one sequence of roundings for every instruction set. Include after one of the
// float_lanes_*.h.
#pragma once

namespace atelier::kernels {
namespace {

// Below this exp is taken as exactly 0 (1.8e-35 rounded off), so that a masked key, at -infinity, weighs
// nothing and no product with a half-precision value becomes subnormal.
constexpr float kExpFloor = -80.0f;

// e^x to within 2 ulp on [-80, 88]; 0 below, e^88 above; exp(0) = 1 exactly.
// x = n ln2 + r with |r| <= ln2/2; e^r by the degree-7 polynomial of Cephes' expf (S. Moshier); n is rounded
// by adding 1.5 2^23, which leaves it in the low bits of the sum.
Lanes::V exp(Lanes::V x) {
  using L = Lanes;
  const L::V bounded = L::max(L::set(-86.0f), L::min(L::set(88.0f), x));
  const L::V magic = L::fma(bounded, L::set(1.44269504f), L::set(12582912.0f));
  const L::V n = L::sub(magic, L::set(12582912.0f));
  L::V r = L::negated_fma(n, L::set(0.693359375f), bounded);
  r = L::negated_fma(n, L::set(-2.12194440e-4f), r);
  L::V p = L::set(1.9875691500e-4f);
  p = L::fma(p, r, L::set(1.3981999507e-3f));
  p = L::fma(p, r, L::set(8.3334519073e-3f));
  p = L::fma(p, r, L::set(4.1665795894e-2f));
  p = L::fma(p, r, L::set(1.6666665459e-1f));
  p = L::fma(p, r, L::set(5.0000001201e-1f));
  const L::V power = L::add(L::fma(p, L::mul(r, r), r), L::set(1.0f));
  return L::zero_below(x, kExpFloor, L::scale_by_power(power, magic));
}

}  // namespace
}  // namespace atelier::kernels
