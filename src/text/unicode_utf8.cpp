#include "text/unicode_utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace atelier::text {
namespace {

// Which second bytes may follow a lead byte (Unicode 15, table 3-7) and how long the character is; 0: no
// lead.
struct Lead {
  unsigned char length, second_low, second_high;
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xc2) return {0, 0, 0};
  if (byte < 0xe0) return {2, 0x80, 0xbf};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x80, 0x9f};  // no surrogates
  if (byte < 0xf0) return {3, 0x80, 0xbf};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte < 0xf4) return {4, 0x80, 0xbf};
  if (byte == 0xf4) return {4, 0x80, 0x8f};  // up to U+10FFFF
  return {0, 0, 0};
}

// The length of the front that is valid, in one pass.
std::size_t valid_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8) {
      std::uint64_t eight;
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const Utf8Step step = utf8_step(text.substr(at));
    if (!step.valid) break;
    at += step.bytes;
  }
  return at;
}

}  // namespace

Utf8Step utf8_step(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Lead lead = lead_of(byte(0));
  if (lead.length == 0) return {1, false, false};
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {i, false, true};
    const unsigned char low = i == 1 ? lead.second_low : 0x80;
    const unsigned char high = i == 1 ? lead.second_high : 0xbf;
    if (byte(i) < low || byte(i) > high) return {i, false, false};
  }
  return {lead.length, true, false};
}

bool is_valid_utf8(std::string_view text) {
  return valid_prefix(text) == text.size();
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const std::size_t valid = valid_prefix(text);
    out.append(text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) return out;
    out.append("\uFFFD");
    text.remove_prefix(utf8_step(text).bytes);
  }
}

std::size_t unfinished_utf8_bytes(std::string_view text) {
  for (std::size_t bytes = std::min<std::size_t>(3, text.size()); bytes > 0; --bytes) {
    const Utf8Step step = utf8_step(text.substr(text.size() - bytes));
    if (step.cut_off && step.bytes == bytes) return bytes;
  }
  return 0;
}

void append_utf8(char32_t code_point, std::string& out) {
  const auto rest = [code_point](int shift) {
    return static_cast<char>(0x80 | (code_point >> shift & 0x3f));
  };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += {static_cast<char>(0xc0 | code_point >> 6), rest(0)};
  } else if (code_point < 0x10000) {
    out += {static_cast<char>(0xe0 | code_point >> 12), rest(6), rest(0)};
  } else {
    out += {static_cast<char>(0xf0 | code_point >> 18), rest(12), rest(6), rest(0)};
  }
}

}  // namespace atelier::text
