#include "text/jinja_number_format.h"

#include <cmath>
#include <cstdio>

#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

std::string printed(const char* format, int precision, double value) {
  char small[128];
  const int size = std::snprintf(small, sizeof small, format, precision, value);
  if (size < static_cast<int>(sizeof small)) return small;
  std::string out(static_cast<std::size_t>(size) + 1, '\0');
  std::snprintf(out.data(), out.size(), format, precision, value);
  out.pop_back();
  return out;
}

std::string upper_ascii(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return text;
}

// Separators every `every` digits of the whole part; zeros on the left up to `width` get them too.
std::string grouped(std::string digits, char separator, std::size_t every, std::int64_t width) {
  std::size_t whole = digits.find_first_not_of("0123456789abcdefABCDEF");
  if (every == 3) whole = digits.find_first_not_of("0123456789");
  if (whole == std::string::npos) whole = digits.size();
  const std::string rest = digits.substr(whole);
  digits.resize(whole);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % every == 0) out += separator;
    out += digits[i];
  }
  std::size_t count = digits.size();
  while (static_cast<std::int64_t>(out.size() + rest.size()) < width) {
    if (count % every == 0) out.insert(out.begin(), separator);
    out.insert(out.begin(), '0');
    ++count;
  }
  return out + rest;
}

}  // namespace

std::string float_digits(double magnitude, char type, std::int64_t precision, bool alternate) {
  if (precision > kMaxPrecision) {
    raise(ErrorKind::kLimit, "a precision of {} is too much; the limit is {}", precision, kMaxPrecision);
  }
  const bool upper = type == 'E' || type == 'F' || type == 'G';
  if (!std::isfinite(magnitude)) {
    const std::string name = std::isnan(magnitude) ? "nan" : "inf";
    return (upper ? upper_ascii(name) : name) + (type == '%' ? "%" : "");
  }
  const int digits = precision < 0 ? 6 : static_cast<int>(precision);
  switch (type) {
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'n': {
      const char letter = type == 'n' ? 'g' : static_cast<char>(type | 0x20);
      const std::string format = std::string(alternate ? "%#.*" : "%.*") + letter;
      const std::string out = printed(format.c_str(), digits, magnitude);
      return upper ? upper_ascii(out) : out;
    }
    case '%':
      return printed(alternate ? "%#.*f" : "%.*f", digits, magnitude * 100) + "%";
    default:
      break;
  }
  if (precision < 0) return float_repr(magnitude);
  // As 'g', but with a digit after the point at least.
  std::string out = printed("%.*g", precision == 0 ? 1 : digits, magnitude);
  if (out.find_first_of(".e") == std::string::npos) {
    const bool full = static_cast<std::int64_t>(out.size()) >= std::max<std::int64_t>(precision, 1);
    out = full ? printed("%.*e", std::max(0, (precision == 0 ? 1 : digits) - 1), magnitude) : out + ".0";
  }
  return out;
}

std::string integer_digits(const Value& value, char type) {
  BigInteger number = to_big(value);
  if (number.is_negative()) number = number.negated();
  switch (type) {
    case 'b':
      return number.to_string(2);
    case 'o':
      return number.to_string(8);
    case 'x':
      return number.to_string(16);
    case 'X':
      return upper_ascii(number.to_string(16));
    default:
      return number.to_string(10);
  }
}

std::string assemble_number(bool negative, std::string_view prefix, std::string digits,
                            const FormatSpec& spec) {
  std::string head = negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
  head += prefix;
  const auto head_size = static_cast<std::int64_t>(head.size());
  const bool fills_zero = spec.zero && spec.align == 0;
  const bool zeros = (fills_zero || (spec.align == '=' && spec.fill == "0"));
  if (spec.grouping != 0) {
    const bool by_four = spec.type == 'b' || spec.type == 'o' || spec.type == 'x' || spec.type == 'X';
    digits = grouped(std::move(digits), spec.grouping, by_four ? 4 : 3, zeros ? spec.width - head_size : 0);
  }
  const std::int64_t missing = spec.width - head_size - static_cast<std::int64_t>(digits.size());
  if (missing > 0 && zeros) return head + std::string(static_cast<std::size_t>(missing), '0') + digits;
  if (missing > 0 && spec.align == '=') {
    for (std::int64_t i = 0; i < missing; ++i) head += spec.fill;
    return head + digits;
  }
  return pad_text(head + digits, spec, '>');
}

std::string pad_text(std::string text, const FormatSpec& spec, char usual_align) {
  const std::int64_t missing = spec.width - static_cast<std::int64_t>(count_code_points(text));
  if (missing <= 0) return text;
  const char align = spec.align == 0 ? usual_align : spec.align;
  const std::int64_t left = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  const std::string& fill = spec.align == 0 && spec.zero ? std::string("0") : spec.fill;
  std::string out;
  for (std::int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (std::int64_t i = left; i < missing; ++i) out += fill;
  return out;
}

}  // namespace atelier::text::jinja
