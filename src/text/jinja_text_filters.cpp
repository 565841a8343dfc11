#include <algorithm>

#include "text/jinja_filters.h"
#include "text/jinja_find.h"
#include "text/jinja_methods.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

template <std::string (*kMap)(std::string_view)>
Value mapped(const Arguments& a) {
  const Str* text = soft_str(a.runtime(), a[0]);
  a.runtime().work(text->size * 4);
  return Value(a.runtime().text(kMap(text->view()), text->markup));
}

// A word begins after any of these; that is not where str.title begins one.
std::string title_words(std::string_view text) {
  std::string out;
  const auto separates = [](char32_t code) {
    return code == '-' || code == '(' || code == '{' || code == '[' || code == '<' || is_space(code);
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t first = next_code_point(text, at);
    const std::size_t after_first = at;
    const bool separator = separates(first);
    while (at < text.size()) {
      std::size_t next = at;
      if (separates(next_code_point(text, next)) != separator) break;
      at = next;
    }
    out += to_upper(text.substr(start, after_first - start));
    out += to_lower(text.substr(after_first, at - after_first));
  }
  return out;
}

Value trim(const Arguments& a) {
  return Value(strip(a.runtime(), *soft_str(a.runtime(), a[0]), a.has(1) ? a[1] : Value::none(), true, true));
}

Value replace_text(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const std::int64_t count = a.is_given(3) ? to_index(a[3]) : -1;
  if (!runtime.autoescape) {
    return Value(replace(runtime, *to_str(runtime, a[0]), to_str(runtime, a[1])->view(),
                         to_str(runtime, a[2])->view(), count));
  }
  const auto is_markup = [&](std::size_t i) { return a[i].is_string() && a[i].string->markup; };
  const bool escapes = is_markup(1) || (is_markup(2) && !is_markup(0));
  const Str* text = escapes ? escape(runtime, a[0]) : soft_str(runtime, a[0]);
  const Str* to = text->markup ? escape(runtime, a[2]) : soft_str(runtime, a[2]);
  return Value(replace(runtime, *text, soft_str(runtime, a[1])->view(), to->view(), count));
}

Value format(Runtime& runtime, const CallArguments& arguments) {
  if (arguments.positional.size() > 1 && !arguments.named.empty()) {
    raise(ErrorKind::kFilterArgument, "can't handle positional and keyword arguments at the same time");
  }
  const Str* pattern = soft_str(runtime, arguments.positional[0]);
  if (arguments.named.empty()) {
    return Value(percent_format(runtime, *pattern, runtime.tuple(arguments.positional.subspan(1))));
  }
  std::vector<Entry> entries;
  for (const Keyword& keyword : arguments.named) entries.push_back({Value(keyword.name), keyword.value});
  return Value(percent_format(runtime, *pattern, Value(runtime.dict(entries))));
}

Value to_string(const Arguments& a) {
  return Value(soft_str(a.runtime(), a[0]));
}
Value escape_value(const Arguments& a) {
  return Value(escape(a.runtime(), a[0]));
}

Value force_escape(const Arguments& a) {
  return Value(escape(a.runtime(), Value(to_str(a.runtime(), a[0]))));
}

Value mark_safe(const Arguments& a) {
  return Value(a.runtime().borrow(to_str(a.runtime(), a[0])->view(), true));
}

Value count_words(const Arguments& a) {
  const std::string_view text = soft_str(a.runtime(), a[0])->view();
  a.runtime().work(text.size() * 4);
  std::int64_t count = 0;
  bool in_word = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    const bool word = code == '_' || is_alnum(code);
    count += word && !in_word;
    in_word = word;
  }
  return Value(count);
}

std::string url_quote(std::string_view text, bool for_query) {
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !for_query)) {
      out += c;
    } else if (c == ' ' && for_query) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

Value url_encode(const Arguments& a) {
  Runtime& runtime = a.runtime();
  if (a[0].is_string() || !is_iterable(a[0])) {
    const Str* text = to_str(runtime, a[0]);
    runtime.work(text->size * 4);
    return Value(runtime.text(url_quote(text->view(), false)));
  }
  const View items{View::What::kItems, a[0].is(Kind::kDict) ? a[0].dict : nullptr};
  TextBuilder out(runtime);
  bool first = true;
  for (const Value& item : collect(runtime, a[0].is(Kind::kDict) ? Value(&items) : a[0])) {
    if (!is_iterable(item)) raise(ErrorKind::kType, "cannot unpack non-iterable {} object", type_name(item));
    const auto pair = collect(runtime, item);
    if (pair.size() > 2) raise(ErrorKind::kValue, "too many values to unpack (expected 2)");
    if (pair.size() != 2)
      raise(ErrorKind::kValue, "not enough values to unpack (expected 2, got {})", pair.size());
    if (!first) out.append('&');
    first = false;
    out.append(url_quote(to_str(runtime, pair[0])->view(), true));
    out.append('=');
    out.append(url_quote(to_str(runtime, pair[1])->view(), true));
  }
  return Value(out.finish());
}

// Entities that markup in prompts uses; the others stay as they are.
std::string unescape(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> kNamed[] = {
      {"&amp;", "&"}, {"&lt;", "<"},   {"&gt;", ">"},          {"&quot;", "\""},
      {"&#39;", "'"}, {"&#34;", "\""}, {"&nbsp;", "\xc2\xa0"}, {"&apos;", "'"}};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto* found =
        std::ranges::find_if(kNamed, [&](const auto& e) { return text.substr(at).starts_with(e.first); });
    if (text[at] == '&' && found != std::end(kNamed)) {
      out += found->second;
      at += found->first.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string without_between(std::string_view text, std::string_view open, std::string_view close) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t start = find_text(text, open, at);
    const std::size_t end =
        start == std::string_view::npos ? start : find_text(text, close, start + open.size());
    if (end == std::string_view::npos) break;
    out += text.substr(at, start - at);
    at = end + close.size();
  }
  return out.append(text.substr(at));
}

Value strip_tags(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const Str* text = to_str(runtime, a[0]);
  runtime.work(text->size * 8);
  const std::string bare = without_between(without_between(text->view(), "<!--", "-->"), "<", ">");
  std::string out;
  bool pending_space = false;
  for (std::size_t at = 0; at < bare.size();) {
    const std::size_t start = at;
    if (is_space(next_code_point(bare, at))) {
      pending_space = !out.empty();
      continue;
    }
    if (pending_space) out += ' ';
    pending_space = false;
    out += bare.substr(start, at - start);
  }
  return Value(runtime.text(unescape(out)));
}

Value xml_attributes(const Arguments& a) {
  Runtime& runtime = a.runtime();
  if (!a[0].is(Kind::kDict)) {
    if (a[0].is_undefined()) raise_undefined(*a[0].undefined);
    raise(ErrorKind::kAttribute, "'{}' object has no attribute 'items'", type_name(a[0]));
  }
  TextBuilder out(runtime);
  bool first = a.has(1) && !a.flag(1);
  for (const Entry& entry : a[0].dict->span()) {
    if (entry.value.is_none() || entry.value.is_undefined()) continue;
    if (!entry.key.is_string())
      raise(ErrorKind::kType, "expected string or bytes-like object, got '{}'", type_name(entry.key));
    if (entry.key.string->view().find_first_of(" \t\n\r\f\v/>=") != std::string_view::npos) {
      raise(ErrorKind::kValue, "Invalid character in attribute name: {}", repr(runtime, entry.key));
    }
    if (!first) out.append(' ');
    first = false;
    out.append(escape(runtime, entry.key)->view());
    out.append("=\"");
    out.append(escape(runtime, entry.value)->view());
    out.append('"');
  }
  return Value(out.finish(runtime.autoescape));
}

Value json(const Arguments& a) {
  JsonStyle style;
  style.ensure_ascii = a.flag(1);
  style.sort_keys = a.flag(4);
  if (a.is_given(2)) {
    if (a[2].is_string()) {
      style.indent = std::string(a[2].string->view());
    } else {
      const std::int64_t width = std::max<std::int64_t>(to_index(a[2]), 0);
      a.runtime().check_text_size(static_cast<std::size_t>(width));
      style.indent = std::string(static_cast<std::size_t>(width), ' ');
    }
    style.item_separator.assign(1, ',');
  }
  if (a.is_given(3)) {
    const auto parts = collect(a.runtime(), a[3]);
    if (parts.size() != 2) {
      raise(ErrorKind::kValue, "{} values to unpack (expected 2{})",
            parts.size() < 2 ? "not enough" : "too many",
            parts.size() < 2 ? fmt::format(", got {}", parts.size()) : "");
    }
    if (!parts[0].is_string() || !parts[1].is_string()) raise(ErrorKind::kType, "separators must be str");
    style.item_separator = parts[0].string->view();
    style.key_separator = parts[1].string->view();
  }
  return Value(to_json(a.runtime(), a[0], style));
}

Value join_items(const Arguments& a) {
  Runtime& runtime = a.runtime();
  std::vector<Value> items = collect(runtime, a[0]);
  if (a.is_given(2)) {
    const auto path = attribute_path(runtime, a[2]);
    for (Value& item : items) item = follow_path(runtime, item, path);
  }
  const Value separator = a.has(1) ? a[1] : Value(runtime.borrow(""));
  if (!runtime.autoescape) {
    return Value(join(runtime, to_str(runtime, separator)->view(), runtime.list(items)));
  }
  const auto is_markup = [](const Value& v) { return v.is_string() && v.string->markup; };
  const bool markup = is_markup(separator) || std::ranges::any_of(items, is_markup);
  if (markup) {
    for (Value& item : items) item = Value(escape(runtime, item));
  }
  const Str* between = markup ? escape(runtime, separator) : to_str(runtime, separator);
  const Str* out = join(runtime, between->view(), runtime.list(items));
  return Value(markup ? runtime.borrow(out->view(), true) : out);
}

const FilterEntry kFilters[] = {
    {"upper", "do_upper", "s", mapped<to_upper>},
    {"lower", "do_lower", "s", mapped<to_lower>},
    {"capitalize", "do_capitalize", "s", mapped<to_capitalized>},
    {"title", "do_title", "s", mapped<title_words>},
    {"trim", "do_trim", "value, chars=", trim},
    {"replace", "do_replace", "s, old, new, count=", replace_text},
    {"format", "do_format", nullptr, nullptr, format},
    {"string", "soft_str", "s", to_string},
    {"e", "escape", "s", escape_value},
    {"escape", "escape", "s", escape_value},
    {"forceescape", "do_forceescape", "value", force_escape},
    {"safe", "do_mark_safe", "value", mark_safe},
    {"wordcount", "do_wordcount", "s", count_words},
    {"urlencode", "do_urlencode", "value", url_encode},
    {"striptags", "do_striptags", "value", strip_tags},
    {"xmlattr", "do_xmlattr", "d, autospace=", xml_attributes},
    {"tojson", "tojson", "x, ensure_ascii=, indent=, separators=, sort_keys=", json},
    {"join", "do_join", "value, d=, attribute=", join_items},
};

}  // namespace

std::span<const FilterEntry> text_filters() {
  return kFilters;
}

}  // namespace atelier::text::jinja
