// What utf8proc does not know of Python's str methods; the tables are written by tools/make_case_table.py.
#pragma once

#include <array>
#include <string_view>

namespace atelier::text::jinja {

struct CaseExpansion {
  char32_t code;
  std::string_view text;  // UTF-8
};

struct CodeRange {
  char32_t first, last;
};

extern const std::array<CaseExpansion, 102> kUpperExpansions;  // by code
extern const std::array<CaseExpansion, 48> kTitleExpansions;
extern const std::array<CodeRange, 20> kOtherDigits;     // isdigit but not isdecimal
extern const std::array<CodeRange, 152> kOtherNumerics;  // isnumeric but not isdecimal

}  // namespace atelier::text::jinja
