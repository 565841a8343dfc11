#include "base/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace atelier {
namespace {

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

int sgr_code(Colour colour) {
  switch (colour) {
    case Colour::kBold:
      return 1;
    case Colour::kDim:
      return 2;
    case Colour::kRed:
      return 31;
    case Colour::kGreen:
      return 32;
    case Colour::kYellow:
      return 33;
    case Colour::kBlue:
      return 34;
    case Colour::kMagenta:
      return 35;
    case Colour::kCyan:
      return 36;
  }
  return 0;
}

// Coarse blocks of Unicode's East Asian Width W and F; a table of a few hundred exact ranges would buy a
// terminal little.
constexpr std::array<std::pair<char32_t, char32_t>, 9> kWide{{{0x1100, 0x115F},
                                                              {0x2E80, 0x303E},
                                                              {0x3041, 0xA4CF},
                                                              {0xAC00, 0xD7A3},
                                                              {0xF900, 0xFAFF},
                                                              {0xFE30, 0xFE6F},
                                                              {0xFF00, 0xFF60},
                                                              {0x1F300, 0x1FAFF},
                                                              {0x20000, 0x3FFFD}}};

int columns_of(char32_t letter) {
  if (letter < 0x20 || (letter >= 0x7F && letter < 0xA0)) return 0;
  if ((letter >= 0x300 && letter <= 0x36F) || (letter >= 0x200B && letter <= 0x200F) ||
      (letter >= 0xFE00 && letter <= 0xFE0F)) {
    return 0;
  }
  for (const auto& [first, last] : kWide) {
    if (letter >= first && letter <= last) return 2;
  }
  return 1;
}

// The end of the escape sequence that starts at `at` ("\x1b[31m").
std::size_t skip_escape(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size() || text[at + 1] != '[') return at + 1;
  at += 2;
  while (at < text.size() && (text[at] < '@' || text[at] > '~')) ++at;
  return at < text.size() ? at + 1 : at;
}

}  // namespace

bool is_terminal(std::FILE* stream) {
  return ::isatty(::fileno(stream)) == 1;
}

bool wants_colour(std::FILE* stream) {
  if (is_set("NO_COLOR")) return false;
  const char* kind = std::getenv("TERM");
  if (kind != nullptr && std::string_view(kind) == "dumb") return false;
  return is_terminal(stream);
}

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (!is_set(name)) continue;
    const std::string_view locale = std::getenv(name);
    return locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos ||
           locale.find("UTF8") != locale.npos || locale.find("utf-8") != locale.npos;
  }
  return false;
}

int terminal_columns(std::FILE* stream) {
  winsize size{};
  if (::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string paint(std::string_view text, Colour colour, std::FILE* stream) {
  if (!wants_colour(stream)) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", sgr_code(colour), text);
}

int display_columns(std::string_view text) {
  int columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == 0x1B) {
      at = skip_escape(text, at);
      continue;
    }
    std::size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    char32_t letter = length == 1 ? byte : byte & (0x7Fu >> length);
    for (std::size_t i = 1; i < length && at + i < text.size(); ++i) {
      letter = (letter << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3F);
    }
    columns += columns_of(letter);
    at += length;
  }
  return columns;
}

std::string format_bytes(long long bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace atelier
