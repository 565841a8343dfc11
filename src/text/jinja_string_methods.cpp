// str methods that make text: case, padding, trimming, replacing, joining.
#include <algorithm>

#include "text/jinja_find.h"
#include "text/jinja_methods.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

template <std::string (*kMap)(std::string_view)>
Value mapped(const Value& self, const Arguments& a) {
  a.runtime().work(self.string->size * 4);
  return Value(a.runtime().text(kMap(self.string->view()), self.string->markup));
}

template <bool (*kIs)(char32_t)>
Value every(const Value& self, const Arguments& a) {
  const std::string_view text = self.string->view();
  a.runtime().work(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (!kIs(next_code_point(text, at))) return Value(false);
  }
  return Value(!text.empty());
}

// All cased letters are of one case, and there is one.
template <bool (*kIs)(char32_t)>
Value in_one_case(const Value& self, const Arguments& a) {
  const std::string_view text = self.string->view();
  a.runtime().work(text.size());
  bool found = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    if (!is_cased(code)) continue;
    if (!kIs(code)) return Value(false);
    found = true;
  }
  return Value(found);
}

Value is_title_text(const Value& self, const Arguments& a) {
  const std::string_view text = self.string->view();
  a.runtime().work(text.size());
  bool after_cased = false, found = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    if (is_upper(code) || is_title(code)) {
      if (after_cased) return Value(false);
      after_cased = found = true;
    } else if (is_lower(code)) {
      if (!after_cased) return Value(false);
      found = true;
    } else {
      after_cased = false;
    }
  }
  return Value(found);
}

bool is_ascii_code(char32_t code) {
  return code < 0x80;
}

Value is_ascii_text(const Value& self, const Arguments& a) {
  return self.string->size == 0 ? Value(true) : every<is_ascii_code>(self, a);
}

Value is_printable_text(const Value& self, const Arguments& a) {
  return self.string->size == 0 ? Value(true) : every<is_printable>(self, a);
}

Value is_identifier_text(const Value& self, const Arguments& a) {
  const std::string_view text = self.string->view();
  std::size_t at = 0;
  if (text.empty() || !is_identifier_start(next_code_point(text, at))) return Value(false);
  a.runtime().work(text.size());
  while (at < text.size()) {
    if (!is_identifier_part(next_code_point(text, at))) return Value(false);
  }
  return Value(true);
}

const Str* pad(Runtime& runtime, const Str& text, std::int64_t left, std::int64_t right,
               std::string_view fill) {
  if (left <= 0 && right <= 0) return &text;
  const auto limit = static_cast<std::int64_t>(runtime.max_text_bytes());
  if (left > limit || right > limit) runtime.check_text_size(static_cast<std::size_t>(std::max(left, right)));
  TextBuilder out(runtime);
  for (std::int64_t i = 0; i < left; ++i) out.append(fill);
  out.append(text.view());
  for (std::int64_t i = 0; i < right; ++i) out.append(fill);
  return out.finish(text.markup);
}

std::string_view fill_of(const Arguments& a) {
  if (!a.has(1)) return " ";
  if (a.string(1).length() != 1) {
    raise(ErrorKind::kType, "The fill character must be exactly one character long");
  }
  return a.string(1).view();
}

std::int64_t missing_width(const Value& self, const Arguments& a) {
  return a.integer(0, 0) - length_or_raise(a.runtime(), self);
}

Value zero_fill(const Value& self, const Arguments& a) {
  const Str& text = *self.string;
  const std::int64_t missing = missing_width(self, a);
  if (missing <= 0) return self;
  const bool has_sign = text.size > 0 && (text.data[0] == '+' || text.data[0] == '-');
  const Str* digits = has_sign ? a.runtime().borrow(text.view().substr(1)) : &text;
  const Str* padded = pad(a.runtime(), *digits, missing, 0, "0");
  if (!has_sign) return Value(padded);
  return Value(a.runtime().concatenate(*a.runtime().text(text.view().substr(0, 1)), padded->view()));
}

Value expand_tabs(const Value& self, const Arguments& a) {
  const std::int64_t width = a.integer(0, 8);
  TextBuilder out(a.runtime());
  std::int64_t column = 0;
  const std::string_view text = self.string->view();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t code = next_code_point(text, at);
    if (code == '\t') {
      const std::int64_t spaces = width <= 0 ? 0 : width - column % width;
      out.fill(static_cast<std::size_t>(spaces), ' ');
      column += spaces;
      continue;
    }
    column = code == '\n' || code == '\r' ? 0 : column + 1;
    out.append(text.substr(start, at - start));
  }
  return Value(out.finish(self.string->markup));
}

Value without_affix(const Value& self, const Arguments& a, bool prefix) {
  const std::string_view text = self.string->view(), affix = a.string(0).view();
  if (affix.empty() || !(prefix ? text.starts_with(affix) : text.ends_with(affix))) return self;
  const std::string_view rest =
      prefix ? text.substr(affix.size()) : text.substr(0, text.size() - affix.size());
  return Value(a.runtime().borrow(rest, self.string->markup));
}

Value replaced(const Value& self, const Arguments& a) {
  const std::string_view from = a.string(0).view();
  const Str* to = self.string->markup ? escape(a.runtime(), a[1]) : &a.string(1);
  return Value(replace(a.runtime(), *self.string, from, to->view(), a.integer(2, -1)));
}

Value joined(const Value& self, const Arguments& a) {
  if (!is_iterable(a[0])) raise(ErrorKind::kType, "can only join an iterable");
  std::vector<Value> items = collect(a.runtime(), a[0]);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (self.string->markup) {
      items[i] = Value(escape(a.runtime(), items[i]));
    } else if (!items[i].is_string()) {
      raise(ErrorKind::kType, "sequence item {}: expected str instance, {} found", i, type_name(items[i]));
    }
  }
  const Str* out = join(a.runtime(), self.string->view(), a.runtime().list(items));
  return Value(self.string->markup ? a.runtime().borrow(out->view(), true) : out);
}

Value stripped(const Value& self, const Arguments& a, bool left, bool right) {
  return Value(strip(a.runtime(), *self.string, a.has(0) ? a[0] : Value::none(), left, right));
}

Value formatted(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  return Value(brace_format(runtime, *self.string, arguments));
}

Value formatted_from(const Value& self, const Arguments& a) {
  if (!a[0].is(Kind::kDict)) raise(ErrorKind::kType, "format_map() takes a dict, not {}", type_name(a[0]));
  return Value(brace_format(a.runtime(), *self.string, {}, a[0].dict));
}

const MethodEntry kMethods[] = {
    {"strip", "chars=", [](const Value& self, const Arguments& a) { return stripped(self, a, true, true); }},
    {"lstrip",
     "chars=", [](const Value& self, const Arguments& a) { return stripped(self, a, true, false); }},
    {"rstrip",
     "chars=", [](const Value& self, const Arguments& a) { return stripped(self, a, false, true); }},
    {"upper", "", mapped<to_upper>},
    {"lower", "", mapped<to_lower>},
    {"title", "", mapped<to_title>},
    {"capitalize", "", mapped<to_capitalized>},
    {"swapcase", "", mapped<to_swapped>},
    {"casefold", "", mapped<to_folded>},
    {"replace", "old, new, count=", replaced},
    {"join", "iterable", joined},
    {"isdigit", "", every<is_digit>},
    {"isdecimal", "", every<is_decimal>},
    {"isnumeric", "", every<is_numeric>},
    {"isalpha", "", every<is_alpha>},
    {"isalnum", "", every<is_alnum>},
    {"isspace", "", every<is_space>},
    {"isascii", "", is_ascii_text},
    {"isprintable", "", is_printable_text},
    {"isidentifier", "", is_identifier_text},
    {"islower", "", in_one_case<is_lower>},
    {"isupper", "", in_one_case<is_upper>},
    {"istitle", "", is_title_text},
    {"center", "width, fillchar=",
     [](const Value& self, const Arguments& a) {
       return Value(center(a.runtime(), *self.string, a.integer(0, 0), fill_of(a)));
     }},
    {"ljust", "width, fillchar=",
     [](const Value& self, const Arguments& a) {
       return Value(pad(a.runtime(), *self.string, 0, missing_width(self, a), fill_of(a)));
     }},
    {"rjust", "width, fillchar=",
     [](const Value& self, const Arguments& a) {
       return Value(pad(a.runtime(), *self.string, missing_width(self, a), 0, fill_of(a)));
     }},
    {"zfill", "width", zero_fill},
    {"expandtabs", "tabsize=", expand_tabs},
    {"removeprefix", "prefix",
     [](const Value& self, const Arguments& a) { return without_affix(self, a, true); }},
    {"removesuffix", "suffix",
     [](const Value& self, const Arguments& a) { return without_affix(self, a, false); }},
    {"format", nullptr, nullptr, formatted},
    {"format_map", "mapping", formatted_from},
};

}  // namespace

std::span<const MethodEntry> string_text_methods() {
  return kMethods;
}

const Str* strip(Runtime& runtime, const Str& text, const Value& characters, bool left, bool right) {
  if (!characters.is_none() && !characters.is_string()) {
    raise(ErrorKind::kType, "strip arg must be None or str");
  }
  runtime.work(text.size);
  const std::string_view set = characters.is_none() ? std::string_view() : characters.string->view();
  const auto drop = [&](char32_t code, std::string_view bytes) {
    if (characters.is_none()) return is_space(code);
    runtime.step(static_cast<std::int64_t>(set.size() / 64));
    return set.find(bytes) != std::string_view::npos;
  };
  const std::string_view all = text.view();
  std::size_t from = 0, to = all.size();
  while (left && from < to) {
    std::size_t after = from;
    const char32_t code = next_code_point(all, after);
    if (!drop(code, all.substr(from, after - from))) break;
    from = after;
  }
  while (right && to > from) {
    std::size_t before = to;
    const char32_t code = previous_code_point(all, before);
    if (!drop(code, all.substr(before, to - before))) break;
    to = before;
  }
  return runtime.borrow(all.substr(from, to - from), text.markup);
}

const Str* replace(Runtime& runtime, const Str& text, std::string_view from, std::string_view to,
                   std::int64_t count) {
  const std::string_view all = text.view();
  TextBuilder out(runtime);
  std::size_t at = 0;
  while (count != 0) {
    if (from.empty()) {  // between all code points
      out.append(to);
      --count;
      if (at == all.size()) break;
      const std::size_t start = at;
      next_code_point(all, at);
      out.append(all.substr(start, at - start));
      continue;
    }
    const std::size_t found = find_text(all, from, at);
    if (found == std::string_view::npos) break;
    runtime.step();
    out.append(all.substr(at, found - at));
    out.append(to);
    at = found + from.size();
    --count;
  }
  out.append(all.substr(at));
  return out.finish(text.markup);
}

// An odd space goes left where the width is odd too, as in Python.
const Str* center(Runtime& runtime, const Str& text, std::int64_t width, std::string_view fill) {
  const std::int64_t missing = width - length_or_raise(runtime, Value(&text));
  if (missing <= 0) return &text;
  const std::int64_t left = missing / 2 + (missing & width & 1);
  return pad(runtime, text, left, missing - left, fill);
}

const Str* join(Runtime& runtime, std::string_view separator, const Value& items) {
  TextBuilder out(runtime);
  bool first = true;
  for (const Value& item : items.sequence->span()) {
    if (!first) out.append(separator);
    first = false;
    append_str(runtime, out.raw(), item);
    runtime.check_text_size(out.raw().size());
  }
  return out.finish();
}

}  // namespace atelier::text::jinja
