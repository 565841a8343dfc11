#include "text/jinja_find.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace atelier::text::jinja {

namespace {

constexpr std::size_t kShort = 16;  // up to here the naive search costs at most 16 reads a byte

}  // namespace

std::size_t find_text(std::string_view all, std::string_view wanted, std::size_t from) {
  if (wanted.size() <= kShort || from > all.size()) return all.find(wanted, from);
  const void* at = memmem(all.data() + from, all.size() - from, wanted.data(), wanted.size());
  return at == nullptr ? std::string_view::npos
                       : static_cast<std::size_t>(static_cast<const char*>(at) - all.data());
}

// Knuth, Morris and Pratt, from the end.
std::size_t find_last_text(std::string_view all, std::string_view wanted) {
  if (wanted.size() <= kShort) return all.rfind(wanted);
  if (wanted.size() > all.size()) return std::string_view::npos;
  const std::size_t size = wanted.size();
  const auto letter = [&](std::size_t i) { return wanted[size - 1 - i]; };
  std::vector<std::uint32_t> border(size, 0);
  for (std::size_t i = 1, matched = 0; i < size; ++i) {
    while (matched > 0 && letter(i) != letter(matched)) matched = border[matched - 1];
    if (letter(i) == letter(matched)) ++matched;
    border[i] = static_cast<std::uint32_t>(matched);
  }
  std::size_t matched = 0;
  for (std::size_t at = all.size(); at-- > 0;) {
    while (matched > 0 && all[at] != letter(matched)) matched = border[matched - 1];
    if (all[at] == letter(matched)) ++matched;
    if (matched == size) return at;
  }
  return std::string_view::npos;
}

}  // namespace atelier::text::jinja
