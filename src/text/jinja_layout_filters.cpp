#include <algorithm>

#include "text/jinja_filters.h"
#include "text/jinja_methods.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

Value centered(const Arguments& a) {
  return Value(center(a.runtime(), *soft_str(a.runtime(), a[0]), a.integer(1, 80), " "));
}

Value indent(const Arguments& a) {
  Runtime& runtime = a.runtime();
  std::string step = "    ";
  if (a.has(1)) {
    const std::int64_t width = a[1].is_string() ? 0 : std::max<std::int64_t>(to_index(a[1]), 0);
    runtime.check_text_size(static_cast<std::size_t>(width));
    step = a[1].is_string() ? std::string(a[1].string->view())
                            : std::string(static_cast<std::size_t>(width), ' ');
  }
  if (!a[0].is_string()) {
    if (a[0].is_undefined()) raise_undefined(*a[0].undefined);
    if (a[0].is(Kind::kList)) raise(ErrorKind::kAttribute, "'list' object has no attribute 'splitlines'");
    raise(ErrorKind::kType, "unsupported operand type(s) for +=: '{}' and 'str'", type_name(a[0]));
  }
  const Value with_newline = apply(runtime, Operator::kAdd, a[0], Value(runtime.borrow("\n")));
  const Str& text = *with_newline.string;
  if (text.markup && !(a.has(1) && a[1].is_string() && a[1].string->markup)) step = escape_text(step);
  TextBuilder out(runtime);
  if (a.flag(2)) out.append(step);
  bool first = true;
  for (const Value& line : split_lines(runtime, text, false)) {
    if (!first) {
      out.append('\n');
      if (line.string->size > 0 || a.flag(3)) out.append(step);
    }
    first = false;
    out.append(line.string->view());
  }
  return Value(out.finish(text.markup));
}

Value truncate(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const std::int64_t limit = a.integer(1, 255), leeway = a.is_given(4) ? to_index(a[4]) : 5;
  const Value end = a.has(3) ? a[3] : Value(runtime.borrow("..."));
  const std::int64_t end_size = length_or_raise(runtime, end);
  if (limit < end_size) raise(ErrorKind::kAssertion, "expected length >= {}, got {}", end_size, limit);
  if (leeway < 0) raise(ErrorKind::kAssertion, "expected leeway >= 0, got {}", leeway);
  if (length_or_raise(runtime, a[0]) <= limit + leeway) return a[0];
  Value head = get_slice(runtime, a[0], Value::none(), Value(limit - end_size), Value::none());
  if (!a.flag(2)) {
    if (!head.is_string())
      raise(ErrorKind::kAttribute, "'{}' object has no attribute 'rsplit'", type_name(head));
    const std::size_t space = head.string->view().rfind(' ');
    if (space != std::string_view::npos) {
      head = Value(runtime.borrow(head.string->view().substr(0, space), head.string->markup));
    }
  }
  return apply(runtime, Operator::kAdd, head, end);
}

// A line as the code points of a paragraph that is being wrapped.
using Codes = std::u32string;

Codes codes_of(std::string_view text) {
  Codes out;
  for (std::size_t at = 0; at < text.size();) out += next_code_point(text, at);
  return out;
}

std::string text_of(std::u32string_view codes) {
  std::string out;
  for (const char32_t code : codes) append_code_point(out, code);
  return out;
}

// textwrap knows ASCII white space only.
bool is_wrap_space(char32_t code) {
  return (code >= 9 && code <= 13) || code == ' ';
}
bool is_word(char32_t code) {
  return code == '_' || is_alnum(code);
}
bool is_letter(char32_t code) {
  return is_word(code) && !is_decimal(code);
}
bool is_word_or_mark(char32_t code) {
  return is_word(code) || code == '!' || code == '"' || code == '\'' || code == '&' || code == '.' ||
         code == ',' || code == '?';
}

// After the hyphen at `at` a line may break: between two letters on its left and a letter, perhaps a hyphen
// and a letter, on its right.
bool breaks_after_hyphen(std::u32string_view s, std::size_t at, std::size_t start) {
  const bool two = at >= start + 2 && is_letter(s[at - 1]) && is_letter(s[at - 2]);
  const bool spelled = at >= start + 3 && is_word(s[at - 1]) && s[at - 2] == '-' && is_letter(s[at - 3]);
  if (!two && !spelled) return false;
  std::size_t after = at + 1;
  if (after >= s.size() || !is_letter(s[after])) return false;
  ++after;
  if (after < s.size() && s[after] == '-') ++after;
  return after < s.size() && is_letter(s[after]);
}

std::size_t dashes_at(std::u32string_view s, std::size_t at) {
  std::size_t end = at;
  while (end < s.size() && s[end] == '-') ++end;
  return end - at >= 2 && end < s.size() && is_word(s[end]) ? end - at : 0;
}

// Runs of white space, words, parts of hyphenated words and dashes: where textwrap may break.
std::vector<std::u32string_view> chunks_of(std::u32string_view s, bool at_hyphens) {
  std::vector<std::u32string_view> out;
  std::size_t at = 0;
  while (at < s.size()) {
    const std::size_t start = at;
    if (is_wrap_space(s[at])) {
      while (at < s.size() && is_wrap_space(s[at])) ++at;
    } else if (const std::size_t dashes =
                   at_hyphens && at > 0 && is_word_or_mark(s[at - 1]) ? dashes_at(s, at) : 0) {
      at += dashes;
    } else {
      while (at < s.size() && !is_wrap_space(s[at])) {
        ++at;
        if (!at_hyphens || at == s.size()) continue;
        if (s[at - 1] == '-' && breaks_after_hyphen(s, at - 1, 0)) break;
        if (is_word_or_mark(s[at - 1]) && dashes_at(s, at) > 0) break;
      }
    }
    out.push_back(s.substr(start, at - start));
  }
  return out;
}

struct WrapOptions {
  std::size_t width;
  bool long_words, hyphens;
};

std::vector<std::string> wrap_line(Runtime& runtime, std::string_view line, const WrapOptions& options) {
  const Codes codes = codes_of(line);
  std::vector<std::string> out;
  auto chunks = chunks_of(codes, options.hyphens);
  std::ranges::reverse(chunks);
  const auto is_blank = [](std::u32string_view chunk) { return std::ranges::all_of(chunk, is_space); };
  while (!chunks.empty()) {
    runtime.step();
    std::vector<std::u32string_view> now;
    std::size_t used = 0;
    if (is_blank(chunks.back()) && !out.empty()) chunks.pop_back();
    while (!chunks.empty() && used + chunks.back().size() <= options.width) {
      used += chunks.back().size();
      now.push_back(chunks.back());
      chunks.pop_back();
    }
    if (!chunks.empty() && chunks.back().size() > options.width) {
      const std::size_t room = options.width - used;
      if (options.long_words) {
        std::size_t cut = room;
        const std::size_t hyphen = options.hyphens && chunks.back().size() > room && room > 0
                                       ? chunks.back().rfind(U'-', room - 1)
                                       : Codes::npos;
        if (hyphen != Codes::npos && hyphen > 0 &&
            chunks.back().substr(0, hyphen).find_first_not_of(U'-') != Codes::npos) {
          cut = hyphen + 1;
        }
        now.push_back(chunks.back().substr(0, cut));
        chunks.back().remove_prefix(cut);
      } else if (now.empty()) {
        now.push_back(chunks.back());
        chunks.pop_back();
      }
    }
    if (!now.empty() && is_blank(now.back())) now.pop_back();
    if (now.empty()) continue;
    std::string text;
    for (const auto& chunk : now) text += text_of(chunk);
    out.push_back(std::move(text));
  }
  return out;
}

Value word_wrap(const Arguments& a) {
  Runtime& runtime = a.runtime();
  if (a[0].is_undefined()) raise_undefined(*a[0].undefined);
  if (!a[0].is_string())
    raise(ErrorKind::kAttribute, "'{}' object has no attribute 'splitlines'", type_name(a[0]));
  const std::int64_t width = a.integer(1, 79);
  if (width <= 0) raise(ErrorKind::kValue, "invalid width {} (must be > 0)", width);
  const WrapOptions options{static_cast<std::size_t>(width), a.has(2) ? a.flag(2) : true,
                            a.has(4) ? a.flag(4) : true};
  const std::string_view separator = a.is_given(3) ? a.string(3).view() : "\n";
  TextBuilder out(runtime);
  bool first_line = true;
  for (const Value& line : split_lines(runtime, *a[0].string, false)) {
    runtime.work(line.string->size * 16);
    if (!first_line) out.append(separator);
    first_line = false;
    bool first = true;
    for (const std::string& part : wrap_line(runtime, line.string->view(), options)) {
      if (!first) out.append(separator);
      first = false;
      out.append(part);
    }
  }
  return Value(out.finish());
}

Value pretty_print(const Arguments& a) {
  return Value(a.runtime().text(repr(a.runtime(), a[0])));
}

Value urlize(const Arguments&) {
  raise(ErrorKind::kUnsupported,
        "the filter 'urlize' is not supported: it makes HTML, and prompts hold none");
}

const FilterEntry kFilters[] = {
    {"center", "do_center", "value, width=", centered},
    {"indent", "do_indent", "s, width=, first=, blank=", indent},
    {"truncate", "do_truncate", "s, length=, killwords=, end=, leeway=", truncate},
    {"wordwrap", "do_wordwrap", "s, width=, break_long_words=, wrapstring=, break_on_hyphens=", word_wrap},
    {"pprint", "do_pprint", "value", pretty_print},
    {"urlize", "do_urlize", "value, trim_url_limit=, nofollow=, target=, rel=, extra_schemes=", urlize},
};

}  // namespace

std::span<const FilterEntry> layout_filters() {
  return kFilters;
}

}  // namespace atelier::text::jinja
