#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

// Python strips white space and reads decimal digits of any script.
std::string plain_number(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    if (is_space(code)) {
      out += ' ';
    } else if (code >= 0x80 && is_decimal(code)) {
      char32_t zero = code;  // decimal digits stand in runs of ten from a multiple of ten's start
      while (is_decimal(zero - 1) && code - zero < 9) --zero;
      out += static_cast<char>('0' + (code - zero));
    } else {
      append_code_point(out, code);
    }
  }
  const std::size_t first = out.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return out.substr(first, out.find_last_not_of(' ') - first + 1);
}

// Takes the underscores out; false where one is not between two digits.
bool drop_underscores(std::string& text, int base) {
  const auto is_digit_of = [base](char c) {
    const int digit = c >= '0' && c <= '9'                     ? c - '0'
                      : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10
                                                               : 99;
    return digit < base;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    if (i == 0 || i + 1 == text.size() || !is_digit_of(text[i - 1]) || !is_digit_of(text[i + 1]))
      return false;
  }
  text = std::move(out);
  return true;
}

int base_of_prefix(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  switch (digits[1] | 0x20) {
    case 'x':
      return 16;
    case 'o':
      return 8;
    case 'b':
      return 2;
    default:
      return 10;
  }
}

}  // namespace

std::optional<Value> parse_integer(Runtime& runtime, std::string_view text, int base) {
  if (base != 0 && (base < 2 || base > 36)) return std::nullopt;
  runtime.work(text.size() * 8);
  std::string digits = plain_number(text);
  bool negative = false;
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) {
    negative = digits[0] == '-';
    digits.erase(0, 1);
  }
  const int prefix = base_of_prefix(digits);
  if (prefix != 10 && (base == 0 || base == prefix)) {
    digits.erase(0, digits.size() > 3 && digits[2] == '_' ? 3 : 2);
    base = prefix;
  } else if (base == 0) {
    base = 10;
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of("0_") != std::string::npos) {
      return std::nullopt;
    }
  }
  if (digits.empty() || !drop_underscores(digits, base)) return std::nullopt;
  for (const char c : digits) {
    const bool decimal = c >= '0' && c <= '9';
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    if (!decimal && !letter) return std::nullopt;
    if ((decimal ? c - '0' : (c | 0x20) - 'a' + 10) >= base) return std::nullopt;
  }
  if (digits.size() > BigInteger::kMaxDecimalDigits) return std::nullopt;  // Python: ValueError
  runtime.step(static_cast<std::int64_t>(digits.size() * digits.size() / 256));
  const BigInteger value = BigInteger::from_digits(digits, base);
  return runtime.number(negative ? value.negated() : value);
}

std::optional<double> parse_float(std::string_view text) {
  std::string number = plain_number(text);
  if (!drop_underscores(number, 10)) return std::nullopt;
  std::string_view rest = number;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (rest.empty() || rest[0] == '-' || rest[0] == '+') return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (end != rest.data() + rest.size() || (rest[0] | 0x20) == 'n') {
    std::string lower(rest);
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    if (lower == "nan") return negative ? -NAN : NAN;
    return std::nullopt;
  }
  if (error == std::errc::result_out_of_range) value = std::strtod(std::string(rest).c_str(), nullptr);
  return negative ? -value : value;
}

std::int64_t to_index(const Value& value) {
  if (value.is(Kind::kInt)) return value.integer;
  if (value.is(Kind::kBool)) return value.boolean;
  if (value.is(Kind::kBig)) raise(ErrorKind::kLookup, "cannot fit 'int' into an index-sized integer");
  raise(ErrorKind::kType, "'{}' object cannot be interpreted as an integer", type_name(value));
}

// Correctly rounded in decimal, half to even, as Python's round(value, digits).
Value round_number(Runtime& runtime, const Value& value, std::int64_t digits) {
  if (value.is_integral()) {
    if (digits >= 0) return plus(runtime, value);
    if (digits < -4300) return Value(std::int64_t{0});
    const Value power = apply(runtime, Operator::kPower, Value(std::int64_t{10}), Value(-digits));
    const BigInteger all = to_big(value), unit = to_big(power);
    BigInteger quotient, rest;
    runtime.step(static_cast<std::int64_t>(all.limbs().size() * (unit.limbs().size() + 1)));
    all.divide(unit, quotient, rest);
    const int half = (rest + rest).compare(unit);
    const bool odd = !quotient.is_zero() && quotient.limbs()[0] % 2 == 1;
    if (half > 0 || (half == 0 && odd)) quotient = quotient + BigInteger(1);
    return runtime.number(quotient * unit);
  }
  if (!value.is(Kind::kFloat)) {
    raise(ErrorKind::kType, "type {} doesn't define __round__ method", type_name(value));
  }
  const double real = value.real;
  if (!std::isfinite(real) || real == 0 || digits > 323) return value;
  if (digits < -308) return Value(std::copysign(0.0, real));
  char buffer[800];
  if (digits >= 0) {
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), real);
    return Value(std::strtod(buffer, nullptr));
  }
  // Left of the point: the digits before it are exact; what is cut off decides, half to even.
  std::snprintf(buffer, sizeof buffer, "%.0f", std::fabs(std::trunc(real)));
  const BigInteger all = BigInteger::from_digits(buffer, 10);
  const bool has_fraction = real != std::trunc(real);
  const Value power = apply(runtime, Operator::kPower, Value(std::int64_t{10}), Value(-digits));
  BigInteger quotient, rest;
  all.divide(to_big(power), quotient, rest);
  const int half = (rest + rest).compare(to_big(power));
  const bool odd = !quotient.is_zero() && quotient.limbs()[0] % 2 == 1;
  if (half > 0 || (half == 0 && (odd || has_fraction))) quotient = quotient + BigInteger(1);
  const double rounded = (quotient * to_big(power)).to_double();
  if (std::isinf(rounded)) raise(ErrorKind::kOverflow, "rounded value too large to represent");
  return Value(std::copysign(rounded, real));
}

Value integer_of(Runtime& runtime, double value) {
  if (std::isnan(value)) raise(ErrorKind::kValue, "cannot convert float NaN to integer");
  if (std::isinf(value)) raise(ErrorKind::kOverflow, "cannot convert float infinity to integer");
  if (std::fabs(value) < 9e18) return Value(static_cast<std::int64_t>(value));
  return runtime.number(BigInteger::from_double(value));
}

}  // namespace atelier::text::jinja
