#include "text/jinja_unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>

#include "text/jinja_case_table.h"

namespace atelier::text::jinja {

namespace {

// Length of the well-formed sequence at `at`, 0 where there is none (Unicode, table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at, char32_t& code) {
  utf8proc_int32_t value = -1;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at);
  const auto left = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(4, text.size() - at));
  const utf8proc_ssize_t length = utf8proc_iterate(bytes, left, &value);
  if (length <= 0) return 0;
  code = static_cast<char32_t>(value);
  return static_cast<std::size_t>(length);
}

template <class Table>
bool in_ranges(const Table& table, char32_t code) {
  const auto after = std::upper_bound(table.begin(), table.end(), code,
                                      [](char32_t c, const CodeRange& range) { return c < range.first; });
  return after != table.begin() && code <= std::prev(after)->last;
}

template <class Table>
const CaseExpansion* find_expansion(const Table& table, char32_t code) {
  const auto at = std::lower_bound(table.begin(), table.end(), code,
                                   [](const CaseExpansion& entry, char32_t c) { return entry.code < c; });
  return at != table.end() && at->code == code ? &*at : nullptr;
}

utf8proc_category_t category(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

void append_upper(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code >= 'a' && code <= 'z' ? code - 32 : code);
    return;
  }
  if (const CaseExpansion* found = find_expansion(kUpperExpansions, code)) {
    out += found->text;
  } else {
    append_code_point(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(code))));
  }
}

void append_title(std::string& out, char32_t code) {
  if (code < 0x80) return append_upper(out, code);
  if (const CaseExpansion* found = find_expansion(kTitleExpansions, code)) {
    out += found->text;
  } else {
    append_code_point(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(code))));
  }
}

bool is_case_ignorable(char32_t code) {
  const auto kind = category(code);
  return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_ME || kind == UTF8PROC_CATEGORY_CF ||
         kind == UTF8PROC_CATEGORY_LM || kind == UTF8PROC_CATEGORY_SK || code == '\'' || code == '.' ||
         code == ':' || code == 0xb7 || code == 0x2019;
}

// A sigma is final where a cased letter stands before it and none after it (Unicode, table 3-17).
bool is_final_sigma(std::string_view text, std::size_t sigma, std::size_t after) {
  std::size_t at = sigma;
  bool cased_before = false;
  while (at > 0) {
    const char32_t code = previous_code_point(text, at);
    if (is_case_ignorable(code)) continue;
    cased_before = is_cased(code);
    break;
  }
  if (!cased_before) return false;
  while (after < text.size()) {
    const char32_t code = next_code_point(text, after);
    if (!is_case_ignorable(code)) return !is_cased(code);
  }
  return true;
}

// `start`/`after`: where in `text` the code point stands.
void append_lower(std::string& out, std::string_view text, std::size_t start, std::size_t after,
                  char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code >= 'A' && code <= 'Z' ? code + 32 : code);
  } else if (code == 0x130) {
    out += "i\xcc\x87";
  } else if (code == 0x3a3) {
    append_code_point(out, is_final_sigma(text, start, after) ? 0x3c2 : 0x3c3);
  } else {
    append_code_point(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
  }
}

// fold(out, start, after, code) for every code point; bytes that are no UTF-8 go through unchanged.
template <class Fold>
std::string map_text(std::string_view text, Fold fold) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t code = next_code_point(text, at);
    fold(out, start, code, at);
  }
  return out;
}

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) {
    ++at;
    return first;
  }
  char32_t code = 0xfffd;
  const std::size_t length = sequence_length(text, at, code);
  at += std::max<std::size_t>(length, 1);
  return code;
}

char32_t previous_code_point(std::string_view text, std::size_t& at) {
  const std::size_t end = at;
  std::size_t start = end - 1;
  while (start > 0 && end - start < 4 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
  std::size_t read = start;
  const char32_t code = next_code_point(text, read);
  if (read == end) {
    at = start;
    return code;
  }
  at = end - 1;
  return 0xfffd;
}

void append_code_point(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  utf8proc_uint8_t bytes[4];
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(std::max<long>(length, 0)));
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) next_code_point(text, at);
  return count;
}

std::size_t byte_offset(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) next_code_point(text, at);
  return at;
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    char32_t code = 0;
    const std::size_t length = sequence_length(text, at, code);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

bool is_space(char32_t code) {
  if (code < 0x80) return (code >= 9 && code <= 13) || (code >= 28 && code <= 32);
  return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
         code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

bool is_alpha(char32_t code) {
  if (code < 0x80) return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
  const auto kind = category(code);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  return category(code) == UTF8PROC_CATEGORY_ND;
}

bool is_digit(char32_t code) {
  return is_decimal(code) || in_ranges(kOtherDigits, code);
}
bool is_numeric(char32_t code) {
  return is_decimal(code) || in_ranges(kOtherNumerics, code);
}
bool is_alnum(char32_t code) {
  return is_alpha(code) || is_numeric(code);
}
bool is_lower(char32_t code) {
  return utf8proc_islower(static_cast<utf8proc_int32_t>(code)) != 0;
}
bool is_upper(char32_t code) {
  return utf8proc_isupper(static_cast<utf8proc_int32_t>(code)) != 0;
}
bool is_title(char32_t code) {
  return category(code) == UTF8PROC_CATEGORY_LT;
}
bool is_cased(char32_t code) {
  return is_lower(code) || is_upper(code) || is_title(code);
}

bool is_printable(char32_t code) {
  if (code < 0x80) return code >= 0x20 && code < 0x7f;
  switch (category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_identifier_start(char32_t code) {
  return code == '_' || is_alpha(code) || (code >= 0x80 && category(code) == UTF8PROC_CATEGORY_NL);
}

bool is_identifier_part(char32_t code) {
  if (is_identifier_start(code) || is_decimal(code)) return true;
  if (code < 0x80) return false;
  const auto kind = category(code);
  return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_MC || kind == UTF8PROC_CATEGORY_PC;
}

std::string to_upper(std::string_view text) {
  return map_text(text,
                  [](std::string& out, std::size_t, char32_t code, std::size_t) { append_upper(out, code); });
}

std::string to_lower(std::string_view text) {
  return map_text(text, [text](std::string& out, std::size_t start, char32_t code, std::size_t after) {
    append_lower(out, text, start, after, code);
  });
}

std::string to_title(std::string_view text) {
  bool in_word = false;
  return map_text(text, [&](std::string& out, std::size_t start, char32_t code, std::size_t after) {
    if (in_word) {
      append_lower(out, text, start, after, code);
    } else {
      append_title(out, code);
    }
    in_word = is_cased(code);
  });
}

std::string to_capitalized(std::string_view text) {
  return map_text(text, [text](std::string& out, std::size_t start, char32_t code, std::size_t after) {
    if (start == 0) {
      append_title(out, code);
    } else {
      append_lower(out, text, start, after, code);
    }
  });
}

std::string to_swapped(std::string_view text) {
  return map_text(text, [text](std::string& out, std::size_t start, char32_t code, std::size_t after) {
    if (is_upper(code)) {
      append_lower(out, text, start, after, code);
    } else if (is_lower(code)) {
      append_upper(out, code);
    } else {
      append_code_point(out, code);
    }
  });
}

std::string to_folded(std::string_view text) {
  return map_text(text, [](std::string& out, std::size_t, char32_t code, std::size_t) {
    utf8proc_int32_t folded[8];
    int last_class = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), folded, 8,
                                               UTF8PROC_CASEFOLD, &last_class);
    for (utf8proc_ssize_t i = 0; i < std::min<utf8proc_ssize_t>(count, 8); ++i) {
      append_code_point(out, static_cast<char32_t>(folded[i]));
    }
  });
}

}  // namespace atelier::text::jinja
