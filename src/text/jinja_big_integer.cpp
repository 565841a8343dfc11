#include "text/jinja_big_integer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/jinja_error.h"

namespace atelier::text::jinja {

namespace {

using Limbs = std::vector<std::uint32_t>;

int compare_magnitudes(const Limbs& a, const Limbs& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (std::size_t i = a.size(); i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

Limbs add_magnitudes(const Limbs& a, const Limbs& b) {
  const Limbs& longer = a.size() >= b.size() ? a : b;
  const Limbs& shorter = a.size() >= b.size() ? b : a;
  Limbs out(longer.size() + 1);
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < longer.size(); ++i) {
    carry += std::uint64_t{longer[i]} + (i < shorter.size() ? shorter[i] : 0);
    out[i] = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  out.back() = static_cast<std::uint32_t>(carry);
  return out;
}

// |a| >= |b|
Limbs subtract_magnitudes(const Limbs& a, const Limbs& b) {
  Limbs out(a.size());
  std::int64_t borrow = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::int64_t digit = std::int64_t{a[i]} - (i < b.size() ? b[i] : 0) - borrow;
    borrow = digit < 0;
    if (digit < 0) digit += std::int64_t{1} << 32;
    out[i] = static_cast<std::uint32_t>(digit);
  }
  return out;
}

// Long division of magnitudes bit by bit; at most 32,768 steps over 1,024 limbs.
void divide_magnitudes(const Limbs& a, const Limbs& b, Limbs& quotient, Limbs& remainder) {
  quotient.assign(a.size(), 0);
  remainder.clear();
  for (std::size_t bit = a.size() * 32; bit-- > 0;) {
    std::uint32_t carry = (a[bit / 32] >> (bit % 32)) & 1;
    for (auto& limb : remainder) {
      const std::uint32_t top = limb >> 31;
      limb = (limb << 1) | carry;
      carry = top;
    }
    if (carry != 0) remainder.push_back(carry);
    if (compare_magnitudes(remainder, b) >= 0) {
      remainder = subtract_magnitudes(remainder, b);
      while (!remainder.empty() && remainder.back() == 0) remainder.pop_back();
      quotient[bit / 32] |= std::uint32_t{1} << (bit % 32);
    }
  }
}

}  // namespace

BigInteger::BigInteger(std::int64_t value) : negative_(value < 0) {
  auto magnitude = static_cast<std::uint64_t>(value);
  if (negative_) magnitude = ~magnitude + 1;
  for (; magnitude != 0; magnitude >>= 32) limbs_.push_back(static_cast<std::uint32_t>(magnitude));
}

BigInteger::BigInteger(bool negative, std::span<const std::uint32_t> limbs)
    : negative_(negative), limbs_(limbs.begin(), limbs.end()) {
  trim();
}

BigInteger BigInteger::from_digits(std::string_view digits, int base) {
  if (digits.size() > kMaxDecimalDigits) {
    raise(ErrorKind::kValue,
          "Exceeds the limit ({} digits) for integer string conversion: value has {} digits",
          kMaxDecimalDigits, digits.size());
  }
  BigInteger out;
  for (const char c : digits) {
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    std::uint64_t carry = static_cast<std::uint64_t>(digit);
    for (auto& limb : out.limbs_) {
      carry += std::uint64_t{limb} * static_cast<std::uint64_t>(base);
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) out.limbs_.push_back(static_cast<std::uint32_t>(carry));
  }
  return out;
}

BigInteger BigInteger::from_double(double value) {
  BigInteger out;
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(std::trunc(value)), &exponent);
  auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 64));
  if (exponent <= 0) return out;
  if (exponent <= 64) {
    mantissa = exponent == 64 ? mantissa : mantissa >> (64 - exponent);
    exponent = 64;
  }
  const int shift = exponent - 64;
  out.limbs_.assign(static_cast<std::size_t>(shift / 32), 0);
  const auto wide = static_cast<unsigned __int128>(mantissa) << (shift % 32);
  for (int i = 0; i < 3; ++i) out.limbs_.push_back(static_cast<std::uint32_t>(wide >> (32 * i)));
  out.negative_ = value < 0;
  out.trim();
  return out;
}

std::optional<std::int64_t> BigInteger::to_int64() const {
  if (limbs_.size() > 2) return std::nullopt;
  std::uint64_t magnitude = 0;
  for (std::size_t i = limbs_.size(); i-- > 0;) magnitude = (magnitude << 32) | limbs_[i];
  const std::uint64_t limit = std::uint64_t{1} << 63;
  if (magnitude > limit || (magnitude == limit && !negative_)) return std::nullopt;
  return static_cast<std::int64_t>(negative_ ? ~magnitude + 1 : magnitude);
}

// Rounds to nearest even: the top 64 bits with a sticky bit, then the hardware's conversion.
double BigInteger::to_double() const {
  if (limbs_.empty()) return 0.0;
  if (limbs_.size() > 33) return negative_ ? -INFINITY : INFINITY;
  std::uint64_t top = 0;
  std::size_t used = 0;
  bool sticky = false;
  const int lead = __builtin_clz(limbs_.back());
  const std::size_t bits = limbs_.size() * 32 - static_cast<std::size_t>(lead);
  for (std::size_t bit = bits; bit-- > 0;) {
    const std::uint32_t value = (limbs_[bit / 32] >> (bit % 32)) & 1;
    if (used < 64) {
      top = (top << 1) | value;
      ++used;
    } else {
      sticky = sticky || value != 0;
    }
  }
  if (sticky) top |= 1;
  const double magnitude = std::ldexp(static_cast<double>(top), static_cast<int>(bits - used));
  return negative_ ? -magnitude : magnitude;
}

std::string BigInteger::to_string(int base) const {
  if (limbs_.empty()) return "0";
  BigInteger rest = *this;
  std::string out;
  while (!rest.limbs_.empty()) {
    const bool decimal = base == 10;
    std::uint32_t chunk = rest.divide_small(decimal ? 1'000'000'000u : static_cast<std::uint32_t>(base));
    for (int i = 0; i < (decimal ? 9 : 1); ++i, chunk /= static_cast<std::uint32_t>(base)) {
      out += "0123456789abcdefghijklmnopqrstuvwxyz"[chunk % static_cast<std::uint32_t>(base)];
    }
  }
  while (out.size() > 1 && out.back() == '0') out.pop_back();
  if (base == 10 && out.size() > kMaxDecimalDigits) {
    raise(ErrorKind::kValue, "Exceeds the limit ({} digits) for integer string conversion",
          kMaxDecimalDigits);
  }
  if (negative_) out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

int BigInteger::compare(const BigInteger& other) const {
  if (negative_ != other.negative_) return negative_ ? -1 : 1;
  const int magnitude = compare_magnitudes(limbs_, other.limbs_);
  return negative_ ? -magnitude : magnitude;
}

BigInteger BigInteger::negated() const {
  BigInteger out = *this;
  out.negative_ = !negative_ && !limbs_.empty();
  return out;
}

BigInteger BigInteger::operator+(const BigInteger& other) const {
  BigInteger out;
  if (negative_ == other.negative_) {
    out.limbs_ = add_magnitudes(limbs_, other.limbs_);
    out.negative_ = negative_;
  } else if (compare_magnitudes(limbs_, other.limbs_) >= 0) {
    out.limbs_ = subtract_magnitudes(limbs_, other.limbs_);
    out.negative_ = negative_;
  } else {
    out.limbs_ = subtract_magnitudes(other.limbs_, limbs_);
    out.negative_ = other.negative_;
  }
  out.trim();
  out.check_size();
  return out;
}

BigInteger BigInteger::operator*(const BigInteger& other) const {
  BigInteger out;
  out.limbs_.assign(limbs_.size() + other.limbs_.size(), 0);
  for (std::size_t i = 0; i < limbs_.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < other.limbs_.size() || carry != 0; ++j) {
      carry += out.limbs_[i + j];
      if (j < other.limbs_.size()) carry += std::uint64_t{limbs_[i]} * other.limbs_[j];
      out.limbs_[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }
  out.negative_ = negative_ != other.negative_;
  out.trim();
  out.check_size();
  return out;
}

void BigInteger::divide(const BigInteger& divisor, BigInteger& quotient, BigInteger& remainder) const {
  quotient = remainder = BigInteger();
  divide_magnitudes(limbs_, divisor.limbs_, quotient.limbs_, remainder.limbs_);
  quotient.negative_ = negative_ != divisor.negative_;
  remainder.negative_ = negative_;
  quotient.trim();
  remainder.trim();
  if (!remainder.is_zero() && remainder.negative_ != divisor.negative_) {
    quotient = quotient - BigInteger(1);
    remainder = remainder + divisor;
  }
}

void BigInteger::trim() {
  while (!limbs_.empty() && limbs_.back() == 0) limbs_.pop_back();
  if (limbs_.empty()) negative_ = false;
}

void BigInteger::check_size() const {
  if (limbs_.size() > kMaxLimbs) {
    raise(ErrorKind::kLimit, "an integer needs more than {} bits", kMaxLimbs * 32);
  }
}

std::uint32_t BigInteger::divide_small(std::uint32_t divisor) {
  std::uint64_t rest = 0;
  for (std::size_t i = limbs_.size(); i-- > 0;) {
    rest = (rest << 32) | limbs_[i];
    limbs_[i] = static_cast<std::uint32_t>(rest / divisor);
    rest %= divisor;
  }
  trim();
  return static_cast<std::uint32_t>(rest);
}

}  // namespace atelier::text::jinja
