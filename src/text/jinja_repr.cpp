#include <charconv>
#include <cmath>

#include "text/jinja_loop.h"
#include "text/jinja_macro.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

void append_items(Runtime& runtime, std::string& out, std::span<const Value> items) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out += ", ";
    first = false;
    append_repr(runtime, out, item);
  }
}

void append_entries(Runtime& runtime, std::string& out, const Dict& dict) {
  out += '{';
  bool first = true;
  for (const Entry& entry : dict.span()) {
    if (!first) out += ", ";
    first = false;
    append_repr(runtime, out, entry.key);
    out += ": ";
    append_repr(runtime, out, entry.value);
  }
  out += '}';
}

void append_view(Runtime& runtime, std::string& out, const Value& value) {
  out += type_name(value);
  out += "([";
  bool first = true;
  for (const Entry& entry : value.view->dict->span()) {
    if (!first) out += ", ";
    first = false;
    switch (value.view->what) {
      case View::What::kKeys:
        append_repr(runtime, out, entry.key);
        break;
      case View::What::kValues:
        append_repr(runtime, out, entry.value);
        break;
      case View::What::kItems:
        out += '(';
        append_repr(runtime, out, entry.key);
        out += ", ";
        append_repr(runtime, out, entry.value);
        out += ')';
        break;
    }
  }
  out += "])";
}

void append_range(std::string& out, const Range& range) {
  out += fmt::format("range({}, {}", range.start, range.stop);
  if (range.step != 1) out += fmt::format(", {}", range.step);
  out += ')';
}

void append_namespace(Runtime& runtime, std::string& out, const Namespace& space) {
  out += "<Namespace {";
  for (std::uint32_t i = 0; i < space.size; ++i) {
    if (i > 0) out += ", ";
    out += quoted(space.attributes[i].name->view());
    out += ": ";
    append_repr(runtime, out, space.attributes[i].value);
  }
  out += "}>";
}

void append_hex_escape(std::string& out, char32_t code) {
  if (code <= 0xff) {
    out += fmt::format("\\x{:02x}", static_cast<std::uint32_t>(code));
  } else if (code <= 0xffff) {
    out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code));
  } else {
    out += fmt::format("\\U{:08x}", static_cast<std::uint32_t>(code));
  }
}

}  // namespace

std::string quoted(std::string_view text) {
  const bool use_double =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = use_double ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t code = next_code_point(text, at);
    if (code == static_cast<char32_t>(quote) || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\r') {
      out += "\\r";
    } else if (code == '\t') {
      out += "\\t";
    } else if (is_printable(code)) {
      append_code_point(out, code);
    } else {
      append_hex_escape(out, code);
    }
  }
  out += quote;
  return out;
}

// The shortest digits that read back as the same value; an exponent below -4 and from 16 on.
std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  std::string out;
  if (text[0] == '-') {
    out = "-";
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (count > 1) out.append(1, '.').append(digits, 1);
    return out + fmt::format("e{}{:02d}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (count <= exponent + 1) {
    return out + digits + std::string(static_cast<std::size_t>(exponent + 1 - count), '0') + ".0";
  }
  const auto whole = static_cast<std::size_t>(exponent + 1);
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

void append_repr(Runtime& runtime, std::string& out, const Value& value) {
  runtime.step();
  // A namespace may hold itself, so the height of a value does not bound this.
  if (++runtime.repr_nesting > static_cast<int>(2 * Runtime::kMaxHeight)) {
    raise(ErrorKind::kLimit, "maximum recursion depth exceeded while getting the repr of an object");
  }
  switch (value.kind) {
    case Kind::kMissing:
      out += "missing";
      break;
    case Kind::kUndefined:
      out += "Undefined";
      break;
    case Kind::kNone:
      out += "None";
      break;
    case Kind::kBool:
      out += value.boolean ? "True" : "False";
      break;
    case Kind::kInt:
      out += fmt::format_int(value.integer).c_str();
      break;
    case Kind::kBig:
      runtime.step(static_cast<std::int64_t>(value.big->limbs.size() * value.big->limbs.size() / 8));
      out += to_big(value).to_string();
      break;
    case Kind::kFloat:
      out += float_repr(value.real);
      break;
    case Kind::kString:
      runtime.work(value.string->size * 4);
      out += value.string->markup ? fmt::format("Markup({})", quoted(value.string->view()))
                                  : quoted(value.string->view());
      break;
    case Kind::kList:
      out += '[';
      append_items(runtime, out, value.sequence->span());
      out += ']';
      break;
    case Kind::kTuple:
      out += '(';
      append_items(runtime, out, value.sequence->span());
      out += value.sequence->size == 1 ? ",)" : ")";
      break;
    case Kind::kDict:
      append_entries(runtime, out, *value.dict);
      break;
    case Kind::kView:
      append_view(runtime, out, value);
      break;
    case Kind::kRange:
      append_range(out, *value.range);
      break;
    case Kind::kNamespace:
      append_namespace(runtime, out, *value.space);
      break;
    case Kind::kMacro:
      out += value.macro->name == nullptr ? "<Macro anonymous>"
                                          : fmt::format("<Macro {}>", quoted(value.macro->name->view()));
      break;
    case Kind::kLoop:
      out += fmt::format("<LoopContext {}/{}>", value.loop->index0 + 1, value.loop->count(runtime));
      break;
    case Kind::kSelf:
      out += "<TemplateReference None>";
      break;
    case Kind::kFunction:
      out += value.function->shown;
      break;
    default:  // Python gives an address here; we have none to show
      out += fmt::format("<{} object>", type_name(value));
  }
  --runtime.repr_nesting;
  runtime.check_text_size(out.size());
}

std::string repr(Runtime& runtime, const Value& value) {
  std::string out;
  append_repr(runtime, out, value);
  runtime.work(out.size());
  return out;
}

void append_str(Runtime& runtime, std::string& out, const Value& value) {
  if (value.is_string()) {
    runtime.work(value.string->size);
    runtime.check_text_size(out.size() + value.string->size);
    out += value.string->view();
  } else if (!value.is_undefined()) {
    append_repr(runtime, out, value);
  }
}

const Str* to_str(Runtime& runtime, const Value& value) {
  if (value.is_string()) return value.string->markup ? runtime.borrow(value.string->view()) : value.string;
  std::string out;
  append_str(runtime, out, value);
  return runtime.text(out);
}

const Str* soft_str(Runtime& runtime, const Value& value) {
  return value.is_string() ? value.string : to_str(runtime, value);
}

std::string escape_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

const Str* escape(Runtime& runtime, const Value& value) {
  if (value.is_string() && value.string->markup) return value.string;
  const Str* plain = to_str(runtime, value);
  runtime.work(plain->size * 4);
  return runtime.text(escape_text(plain->view()), true);
}

}  // namespace atelier::text::jinja
