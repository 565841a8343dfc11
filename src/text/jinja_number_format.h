// The numbers of '%5.2f' and '{:>+10,.3f}': digits, sign, grouping, padding. Shared by both formattings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/jinja_value.h"

namespace atelier::text::jinja {

struct FormatSpec {
  std::string fill = " ";
  char align = 0;  // < > = ^, 0: the type's own
  char sign = '-';
  bool alternate = false;
  bool zero = false;
  bool no_negative_zero = false;  // z
  std::int64_t width = 0;
  std::int64_t precision = -1;  // -1: none given
  char grouping = 0;            // , or _
  char type = 0;                // 0: none given
};

constexpr std::int64_t kMaxPrecision = 1000;

// e E f F g G % (and 0: as str() unless a precision is given) of a finite or infinite value, no sign.
std::string float_digits(double magnitude, char type, std::int64_t precision, bool alternate);
// b o d x X of an integer's magnitude, no prefix.
std::string integer_digits(const Value& value, char type);
// Sign, prefix, grouping and padding put round the digits.
std::string assemble_number(bool negative, std::string_view prefix, std::string digits,
                            const FormatSpec& spec);
// Padded to the width, in code points.
std::string pad_text(std::string text, const FormatSpec& spec, char usual_align);

}  // namespace atelier::text::jinja
