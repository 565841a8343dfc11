#include "text/unicode_nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "text/unicode_classes.h"
#include "text/unicode_utf8.h"

namespace atelier::text {
namespace {

// Where the next character stands that is no boundary; text.size() where there is none.
std::size_t next_unsettled(std::string_view text, std::size_t at);

// A span is a boundary and what follows it up to the next one: nothing outside can change how it composes.
class SpanComposer {
 public:
  void append_composed(std::string_view span, std::string& out);

 private:
  void decompose(std::string_view span);
  void order();

  std::vector<utf8proc_int32_t> code_points_;
  std::vector<std::uint64_t> keys_;
};

bool is_boundary(char32_t code_point) {
  return (classes_of(code_point) & kNfcBoundary) != 0;
}

}  // namespace

std::string_view to_nfc(std::string_view text, std::string& storage) {
  std::size_t unsettled = next_unsettled(text, 0);
  if (unsettled == text.size()) return text;
  storage.clear();
  storage.reserve(text.size());
  SpanComposer composer;
  std::size_t copied = 0;
  while (unsettled < text.size()) {
    std::size_t start = unsettled;  // back to the boundary before it
    while (start > copied && (start == unsettled || (text[start] & 0xc0) == 0x80)) --start;
    std::size_t end = unsettled;
    while (end < text.size()) {
      const Utf8Char here = read_valid_utf8(text.data() + end);
      if (is_boundary(here.code_point)) break;
      end += here.bytes;
    }
    storage.append(text.substr(copied, start - copied));
    composer.append_composed(text.substr(start, end - start), storage);
    copied = end;
    unsettled = next_unsettled(text, end);
  }
  return storage.append(text.substr(copied));
}

namespace {

std::size_t next_unsettled(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    std::uint64_t eight;
    if (text.size() - at >= 8 &&
        (std::memcpy(&eight, text.data() + at, 8), (eight & 0x8080808080808080u) == 0)) {
      at += 8;
      continue;
    }
    const Utf8Char here = read_valid_utf8(text.data() + at);
    if (!is_boundary(here.code_point)) return at;
    at += here.bytes;
  }
  return at;
}

void SpanComposer::append_composed(std::string_view span, std::string& out) {
  const Utf8Char lead = read_valid_utf8(span.data());
  if ((classes_of(lead.code_point) & kNfcInert) !=
      0) {  // perhaps newer than Unicode 9: utf8proc must not see it
    out.append(span.substr(0, lead.bytes));
    span.remove_prefix(lead.bytes);
  }
  decompose(span);
  order();
  const auto length =
      utf8proc_normalize_utf32(code_points_.data(), static_cast<utf8proc_ssize_t>(code_points_.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  ATELIER_CHECK(length >= 0);
  for (utf8proc_ssize_t i = 0; i < length; ++i) append_utf8(static_cast<char32_t>(code_points_[i]), out);
}

void SpanComposer::decompose(std::string_view span) {
  code_points_.clear();
  while (!span.empty()) {
    const Utf8Char here = read_valid_utf8(span.data());
    utf8proc_int32_t parts[32];  // a canonical decomposition has at most 4
    int boundary_class = 0;
    const auto count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(here.code_point), parts, 32,
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), &boundary_class);
    ATELIER_CHECK(count > 0 && count <= 32);
    code_points_.insert(code_points_.end(), parts, parts + count);
    span.remove_prefix(here.bytes);
  }
}

// Canonical ordering: each run of marks by combining class, equals as they stood. utf8proc's own is an
// insertion sort: a megabyte of marks would cost it hours.
void SpanComposer::order() {
  const auto combining = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  for (std::size_t from = 0; from < code_points_.size(); ++from) {
    keys_.clear();  // class, place, code point
    for (std::size_t at = from; at < code_points_.size() && combining(code_points_[at]) != 0; ++at) {
      const auto code_point = static_cast<std::uint64_t>(code_points_[at]);
      keys_.push_back(static_cast<std::uint64_t>(combining(code_points_[at])) << 56 | at << 21 | code_point);
    }
    std::ranges::sort(keys_);
    for (const std::uint64_t key : keys_)
      code_points_[from++] = static_cast<utf8proc_int32_t>(key & 0x1fffff);
  }
}

}  // namespace
}  // namespace atelier::text
