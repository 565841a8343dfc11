// A BigInteger is Python's int beyond 64 bits: sign and magnitude, at most kMaxLimbs limbs. Only rare paths
// come here (literals such as 12345678901234567890, 2 ** 100); int64 is handled where it is met.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::text::jinja {

class BigInteger {
 public:
  static constexpr std::size_t kMaxLimbs = 1024;          // 32,768 bits
  static constexpr std::size_t kMaxDecimalDigits = 4300;  // Python's limit for int <-> str

  BigInteger() = default;
  explicit BigInteger(std::int64_t value);
  BigInteger(bool negative, std::span<const std::uint32_t> limbs);
  // Digits of `base` (2..36), no sign, no underscores; Error kValue where there are too many.
  static BigInteger from_digits(std::string_view digits, int base);
  static BigInteger from_double(double value);  // truncated; value is finite

  bool is_zero() const { return limbs_.empty(); }
  bool is_negative() const { return negative_; }
  std::span<const std::uint32_t> limbs() const { return limbs_; }  // least significant first, no leading zero
  std::optional<std::int64_t> to_int64() const;
  double to_double() const;  // infinity where it does not fit
  std::string to_string(int base = 10) const;

  int compare(const BigInteger& other) const;  // < 0, 0, > 0
  BigInteger negated() const;

  BigInteger operator+(const BigInteger& other) const;
  BigInteger operator-(const BigInteger& other) const { return *this + other.negated(); }
  BigInteger operator*(const BigInteger& other) const;
  // Python's floor division: the remainder has the divisor's sign. The divisor is not zero.
  void divide(const BigInteger& divisor, BigInteger& quotient, BigInteger& remainder) const;

 private:
  void trim();
  void check_size() const;
  std::uint32_t divide_small(std::uint32_t divisor);  // in place, magnitude only; gives the remainder

  bool negative_ = false;
  std::vector<std::uint32_t> limbs_;
};

}  // namespace atelier::text::jinja
