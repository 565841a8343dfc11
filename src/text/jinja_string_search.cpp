// str methods that look for something or take text apart.
#include <algorithm>

#include "text/jinja_find.h"
#include "text/jinja_methods.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

// Where a search looks: bytes [first, last) of the text, and the code point index of `first`.
struct Window {
  std::size_t first, last;
  std::int64_t index;
  bool empty_range;  // start > end: not even "" is found
};

Window window_of(const Value& self, const Arguments& a, std::size_t start_at) {
  const Str& text = *self.string;
  const std::int64_t size = length_or_raise(a.runtime(), self);
  const auto bound = [&](std::size_t argument, std::int64_t absent) {
    if (!a.is_given(argument)) return absent;
    const std::int64_t index = to_index(a[argument]);
    return index < 0 ? std::max<std::int64_t>(index + size, 0) : index;
  };
  const std::int64_t start = bound(start_at, 0), end = std::min(bound(start_at + 1, size), size);
  if (start > end) return {0, 0, 0, true};
  a.runtime().work(text.size);
  return {byte_offset(text.view(), static_cast<std::size_t>(start)),
          byte_offset(text.view(), static_cast<std::size_t>(end)), start, false};
}

std::int64_t find(const Value& self, const Arguments& a, bool backward) {
  const Window window = window_of(self, a, 1);
  const std::string_view wanted = a.string(0).view();
  if (window.empty_range) return -1;
  a.runtime().work(self.string->size);
  const std::string_view part = self.string->view().substr(window.first, window.last - window.first);
  const std::size_t at = backward ? find_last_text(part, wanted) : find_text(part, wanted);
  if (at == std::string_view::npos) return -1;
  return window.index + static_cast<std::int64_t>(count_code_points(part.substr(0, at)));
}

Value index_of(const Value& self, const Arguments& a, bool backward) {
  const std::int64_t at = find(self, a, backward);
  if (at < 0) raise(ErrorKind::kValue, "substring not found");
  return Value(at);
}

Value count(const Value& self, const Arguments& a) {
  const Window window = window_of(self, a, 1);
  const std::string_view wanted = a.string(0).view();
  if (window.empty_range) return Value(std::int64_t{0});
  a.runtime().work(self.string->size);
  const std::string_view part = self.string->view().substr(window.first, window.last - window.first);
  if (wanted.empty()) return Value(static_cast<std::int64_t>(count_code_points(part)) + 1);
  std::int64_t found = 0;
  for (std::size_t at = find_text(part, wanted); at != std::string_view::npos;
       at = find_text(part, wanted, at)) {
    ++found;
    at += wanted.size();
  }
  return Value(found);
}

Value has_affix(const Value& self, const Arguments& a, bool prefix) {
  const Window window = window_of(self, a, 1);
  const std::string_view part = self.string->view().substr(window.first, window.last - window.first);
  const auto matches = [&](const Value& affix) {
    if (!affix.is_string()) {
      if (a[0].is(Kind::kTuple)) {
        raise(ErrorKind::kType, "tuple for {} must only contain str, not {}",
              prefix ? "startswith" : "endswith", type_name(affix));
      }
      raise(ErrorKind::kType, "{} first arg must be str or a tuple of str, not {}",
            prefix ? "startswith" : "endswith", type_name(affix));
    }
    const std::string_view text = affix.string->view();
    a.runtime().work(text.size());
    return !window.empty_range && (prefix ? part.starts_with(text) : part.ends_with(text));
  };
  if (!a[0].is(Kind::kTuple)) return Value(matches(a[0]));
  for (const Value& affix : a[0].sequence->span()) {
    if (matches(affix)) return Value(true);
  }
  return Value(false);
}

Value part_of(const Arguments& a, const Value& self, std::size_t from, std::size_t to) {
  return Value(a.runtime().borrow(self.string->view().substr(from, to - from), self.string->markup));
}

void split_at_space(const Value& self, const Arguments& a, std::int64_t most, ListBuilder& out) {
  const std::string_view text = self.string->view();
  std::size_t at = 0;
  const auto skip = [&](bool space) {
    while (at < text.size()) {
      std::size_t after = at;
      if (is_space(next_code_point(text, after)) != space) break;
      at = after;
    }
  };
  for (;; --most) {
    skip(true);
    if (at == text.size()) return;
    const std::size_t start = at;
    if (most == 0) {
      out.append(part_of(a, self, start, text.size()));
      return;
    }
    skip(false);
    out.append(part_of(a, self, start, at));
  }
}

void split_at_space_backward(const Value& self, const Arguments& a, std::int64_t most, ListBuilder& out) {
  const std::string_view text = self.string->view();
  std::size_t at = text.size();
  const auto skip = [&](bool space) {
    while (at > 0) {
      std::size_t before = at;
      if (is_space(previous_code_point(text, before)) != space) break;
      at = before;
    }
  };
  for (;; --most) {
    skip(true);
    if (at == 0) break;
    const std::size_t end = at;
    if (most == 0) {
      out.append(part_of(a, self, 0, end));
      break;
    }
    skip(false);
    out.append(part_of(a, self, at, end));
  }
  std::ranges::reverse(out.raw());
}

Value split(const Value& self, const Arguments& a, bool backward) {
  const std::int64_t most = a.integer(1, -1);
  ListBuilder out(a.runtime());
  a.runtime().work(self.string->size);
  if (!a.is_given(0)) {
    backward ? split_at_space_backward(self, a, most, out) : split_at_space(self, a, most, out);
    return out.finish();
  }
  const std::string_view text = self.string->view(), separator = a.string(0).view();
  if (separator.empty()) raise(ErrorKind::kValue, "empty separator");
  if (backward) {
    std::size_t end = text.size();
    for (std::int64_t left = most; left != 0; --left) {
      if (end < separator.size()) break;
      const std::size_t found = find_last_text(text.substr(0, end), separator);
      if (found == std::string_view::npos) break;
      out.append(part_of(a, self, found + separator.size(), end));
      end = found;
    }
    out.append(part_of(a, self, 0, end));
    std::ranges::reverse(out.raw());
    return out.finish();
  }
  std::size_t start = 0;
  for (std::int64_t left = most; left != 0; --left) {
    const std::size_t found = find_text(text, separator, start);
    if (found == std::string_view::npos) break;
    out.append(part_of(a, self, start, found));
    start = found + separator.size();
  }
  out.append(part_of(a, self, start, text.size()));
  return out.finish();
}

Value partition(const Value& self, const Arguments& a, bool backward) {
  const std::string_view text = self.string->view(), separator = a.string(0).view();
  if (separator.empty()) raise(ErrorKind::kValue, "empty separator");
  a.runtime().work(text.size());
  const std::size_t at = backward ? find_last_text(text, separator) : find_text(text, separator);
  const Value empty(a.runtime().borrow("", self.string->markup));
  if (at == std::string_view::npos) {
    const Value none[] = {backward ? empty : self, empty, backward ? self : empty};
    return a.runtime().tuple(none);
  }
  const Value parts[] = {part_of(a, self, 0, at), part_of(a, self, at, at + separator.size()),
                         part_of(a, self, at + separator.size(), text.size())};
  return a.runtime().tuple(parts);
}

Value lines(const Value& self, const Arguments& a) {
  return a.runtime().list(split_lines(a.runtime(), *self.string, a.flag(0)));
}

const MethodEntry kMethods[] = {
    {"find",
     "sub, start=, end=", [](const Value& self, const Arguments& a) { return Value(find(self, a, false)); }},
    {"rfind",
     "sub, start=, end=", [](const Value& self, const Arguments& a) { return Value(find(self, a, true)); }},
    {"index",
     "sub, start=, end=", [](const Value& self, const Arguments& a) { return index_of(self, a, false); }},
    {"rindex",
     "sub, start=, end=", [](const Value& self, const Arguments& a) { return index_of(self, a, true); }},
    {"count", "sub, start=, end=", count},
    {"startswith",
     "prefix, start=, end=", [](const Value& self, const Arguments& a) { return has_affix(self, a, true); }},
    {"endswith",
     "suffix, start=, end=", [](const Value& self, const Arguments& a) { return has_affix(self, a, false); }},
    {"split", "sep=, maxsplit=", [](const Value& self, const Arguments& a) { return split(self, a, false); }},
    {"rsplit", "sep=, maxsplit=", [](const Value& self, const Arguments& a) { return split(self, a, true); }},
    {"partition", "sep", [](const Value& self, const Arguments& a) { return partition(self, a, false); }},
    {"rpartition", "sep", [](const Value& self, const Arguments& a) { return partition(self, a, true); }},
    {"splitlines", "keepends=", lines},
};

bool is_line_break(char32_t code) {
  return (code >= 10 && code <= 13) || (code >= 0x1c && code <= 0x1e) || code == 0x85 || code == 0x2028 ||
         code == 0x2029;
}

}  // namespace

std::span<const MethodEntry> string_search_methods() {
  return kMethods;
}

std::vector<Value> split_lines(Runtime& runtime, const Str& text, bool keep_ends) {
  const std::string_view all = text.view();
  runtime.work(all.size());
  std::vector<Value> out;
  std::size_t start = 0;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t before = at;
    const char32_t code = next_code_point(all, at);
    if (!is_line_break(code)) continue;
    if (code == '\r' && at < all.size() && all[at] == '\n') ++at;
    runtime.step();
    out.push_back(Value(runtime.borrow(all.substr(start, (keep_ends ? at : before) - start), text.markup)));
    start = at;
  }
  if (start < all.size()) out.push_back(Value(runtime.borrow(all.substr(start), text.markup)));
  return out;
}

}  // namespace atelier::text::jinja
