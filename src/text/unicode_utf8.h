// UTF-8 as bytes that may be wrong: what is a character, what is not, and what is only cut off.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace atelier::text {

// The bytes at the front of a text: one character, or the longest start of one (Unicode 15, section 3.9,
// "maximal subpart"), which is what Python and Rust replace by a single U+FFFD.
struct Utf8Step {
  std::size_t bytes;  // at least 1
  bool valid;
  bool cut_off;  // not valid, but the text ends where the rest could have stood
};
Utf8Step utf8_step(std::string_view text);  // `text` is not empty

bool is_valid_utf8(std::string_view text);

// Python's bytes.decode("utf-8", "replace"). Valid text comes back as it was.
std::string replace_invalid_utf8(std::string_view text);

// How many bytes at the end are the start of a character that the next bytes may finish (0..3).
std::size_t unfinished_utf8_bytes(std::string_view text);

void append_utf8(char32_t code_point, std::string& out);

struct Utf8Char {
  char32_t code_point;
  unsigned bytes;
};

// The character at `at`, which must be whole and valid.
inline Utf8Char read_valid_utf8(const char* at) {
  const auto byte = [at](int i) { return static_cast<char32_t>(static_cast<unsigned char>(at[i])); };
  const auto rest = [byte](int i) { return byte(i) & 0x3f; };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | rest(1), 2};
  if (lead < 0xf0) return {(lead & 0x0f) << 12 | rest(1) << 6 | rest(2), 3};
  return {(lead & 0x07) << 18 | rest(1) << 12 | rest(2) << 6 | rest(3), 4};
}

}  // namespace atelier::text
