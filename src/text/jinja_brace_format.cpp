// str.format under the sandbox: "{} {name} {a.b[0]!r:>10}".
#include <cmath>

#include "text/jinja_number_format.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

FormatSpec parse_spec(std::string_view text, Runtime& runtime) {
  FormatSpec spec;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '=' || c == '^'; };
  std::size_t at = 0;
  std::size_t after_fill = 0;
  if (!text.empty()) next_code_point(text, after_fill);
  if (after_fill > 0 && after_fill < text.size() && is_align(text[after_fill])) {
    spec.fill = text.substr(0, after_fill);
    spec.align = text[after_fill];
    at = after_fill + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[0];
    at = 1;
  }
  const auto take = [&](std::string_view set) {
    return at < text.size() && set.find(text[at]) != std::string_view::npos ? text[at++] : '\0';
  };
  const auto number = [&](std::int64_t& out) {
    const std::size_t start = at;
    for (out = 0; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      out = out * 10 + (text[at] - '0');
      if (out > INT32_MAX) raise(ErrorKind::kValue, "Too many decimal digits in format string");
    }
    return at > start;
  };
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.no_negative_zero = take("z") != 0;
  spec.alternate = take("#") != 0;
  spec.zero = take("0") != 0;
  number(spec.width);
  spec.grouping = take(",_");
  if (take(".") != 0 && !number(spec.precision))
    raise(ErrorKind::kValue, "Format specifier missing precision");
  if (text.size() - at > 1) raise(ErrorKind::kValue, "Invalid format specifier");
  if (at < text.size()) spec.type = text[at];
  if (spec.width > 0) runtime.check_text_size(static_cast<std::size_t>(spec.width));
  return spec;
}

[[noreturn]] void refuse_type(const FormatSpec& spec, const Value& value) {
  raise(ErrorKind::kValue, "Unknown format code '{}' for object of type '{}'", spec.type, type_name(value));
}

std::string format_real(Runtime&, const FormatSpec& spec, const Value& value) {
  if (spec.type != 0 && std::string_view("eEfFgGn%").find(spec.type) == std::string_view::npos) {
    refuse_type(spec, value);
  }
  const double number = to_double(value);
  std::string digits = float_digits(std::fabs(number), spec.type, spec.precision, spec.alternate);
  const bool zero = digits.find_first_of("123456789in") == std::string::npos;
  const bool negative = std::signbit(number) && !std::isnan(number) && !(zero && spec.no_negative_zero);
  return assemble_number(negative, "", std::move(digits), spec);
}

std::string format_integer(Runtime& runtime, const FormatSpec& spec, const Value& value) {
  if (spec.type != 0 && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos) {
    return format_real(runtime, spec, value);
  }
  if (spec.type != 0 && std::string_view("bcdoxXn").find(spec.type) == std::string_view::npos) {
    refuse_type(spec, value);
  }
  if (spec.precision >= 0) raise(ErrorKind::kValue, "Precision not allowed in integer format specifier");
  if (spec.no_negative_zero) {
    raise(ErrorKind::kValue, "Negative zero coercion (z) not allowed in integer format specifier");
  }
  if (spec.type == 'c') {
    std::string out;
    const auto code = to_big(value).to_int64();
    if (!code || *code < 0 || *code > 0x10ffff) raise(ErrorKind::kOverflow, "%c arg not in range(0x110000)");
    append_code_point(out, static_cast<char32_t>(*code));
    return pad_text(out, spec, '<');
  }
  const char* prefix = !spec.alternate    ? ""
                       : spec.type == 'b' ? "0b"
                       : spec.type == 'o' ? "0o"
                       : spec.type == 'x' ? "0x"
                       : spec.type == 'X' ? "0X"
                                          : "";
  return assemble_number(to_big(value).is_negative(), prefix, integer_digits(value, spec.type), spec);
}

std::string format_string(const FormatSpec& spec, const Value& value) {
  if (spec.type != 0 && spec.type != 's') refuse_type(spec, value);
  if (spec.sign != '-') raise(ErrorKind::kValue, "Sign not allowed in string format specifier");
  if (spec.align == '=') raise(ErrorKind::kValue, "'=' alignment not allowed in string format specifier");
  if (spec.grouping != 0) raise(ErrorKind::kValue, "Cannot specify '{}' with 's'.", spec.grouping);
  std::string text(value.string->view());
  if (spec.precision >= 0) text.resize(byte_offset(text, static_cast<std::size_t>(spec.precision)));
  return pad_text(std::move(text), spec, '<');
}

std::string format_value(Runtime& runtime, const Value& value, std::string_view spec_text) {
  if (spec_text.empty()) return std::string(to_str(runtime, value)->view());
  if (!value.is_string() && !value.is_number()) {
    raise(ErrorKind::kType, "unsupported format string passed to {}.__format__", type_name(value));
  }
  const FormatSpec spec = parse_spec(spec_text, runtime);
  if (value.is_string()) return format_string(spec, value);
  return value.is(Kind::kFloat) ? format_real(runtime, spec, value) : format_integer(runtime, spec, value);
}

class BraceFormat {
 public:
  BraceFormat(Runtime& runtime, const CallArguments& arguments, const Dict* mapping, bool escapes)
      : runtime_(runtime), arguments_(arguments), mapping_(mapping), escapes_(escapes) {}

  std::string run(std::string_view text, int nesting) {
    if (nesting > 2) raise(ErrorKind::kValue, "Max string recursion exceeded");
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t brace = text.find_first_of("{}", at);
      out += text.substr(at, brace == std::string_view::npos ? brace : brace - at);
      if (brace == std::string_view::npos) break;
      if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
        out += text[brace];
        at = brace + 2;
        continue;
      }
      if (text[brace] == '}') raise(ErrorKind::kValue, "Single '}}' encountered in format string");
      const std::size_t end = end_of_field(text, brace + 1);
      out += field(text.substr(brace + 1, end - brace - 1), nesting);
      at = end + 1;
      runtime_.step();
      runtime_.check_text_size(out.size());
    }
    runtime_.work(out.size());
    return out;
  }

 private:
  static std::size_t end_of_field(std::string_view text, std::size_t at) {
    if (at >= text.size()) raise(ErrorKind::kValue, "Single '{{' encountered in format string");
    for (int open = 1; at < text.size(); ++at) {
      if (text[at] == '{') ++open;
      if (text[at] == '}' && --open == 0) return at;
    }
    raise(ErrorKind::kValue, "expected '}}' before end of string");
  }

  std::string field(std::string_view text, int nesting) {
    std::size_t name_end = 0;
    bool in_brackets = false;
    while (name_end < text.size()) {
      const char c = text[name_end];
      if (c == '[') in_brackets = true;
      if (c == ']') in_brackets = false;
      if (!in_brackets && (c == '!' || c == ':')) break;
      if (c == '{') raise(ErrorKind::kValue, "unexpected '{{' in field name");
      ++name_end;
    }
    Value value = lookup(text.substr(0, name_end));
    std::string_view rest = text.substr(name_end);
    if (rest.starts_with('!')) {
      if (rest.size() < 2) raise(ErrorKind::kValue, "end of string while looking for conversion specifier");
      if (rest.size() > 2 && rest[2] != ':') {
        raise(ErrorKind::kValue, "expected ':' after conversion specifier");
      }
      value = converted(value, rest[1]);
      rest.remove_prefix(2);
    }
    const std::string spec = rest.empty() ? "" : run(rest.substr(1), nesting + 1);
    if (escapes_) value = Value(escape(runtime_, value));
    return format_value(runtime_, value, spec);
  }

  Value converted(const Value& value, char how) {
    if (how == 's') return Value(to_str(runtime_, value));
    if (how == 'r' || how == 'a') return Value(runtime_.text(repr(runtime_, value)));
    raise(ErrorKind::kValue, "Unknown conversion specifier '{}'", how);
  }

  Value lookup(std::string_view name) {
    const std::size_t first_end = std::min(name.find_first_of(".["), name.size());
    Value value = first(name.substr(0, first_end), first_end == name.size());
    for (std::size_t at = first_end; at < name.size();) {
      if (name[at] == '.') {
        const std::size_t end = std::min(name.find_first_of(".[", at + 1), name.size());
        if (end == at + 1) raise(ErrorKind::kValue, "Empty attribute in format string");
        value = get_attribute(runtime_, value, runtime_.text(name.substr(at + 1, end - at - 1)));
        at = end;
      } else {
        const std::size_t end = name.find(']', at);
        if (name[at] != '[') {
          raise(ErrorKind::kValue, "Only '.' or '[' may follow ']' in format field specifier");
        }
        if (end == std::string_view::npos) raise(ErrorKind::kValue, "Missing ']' in format string");
        if (end == at + 1) raise(ErrorKind::kValue, "Empty attribute in format string");
        value = get_item(runtime_, value, key(name.substr(at + 1, end - at - 1)));
        at = end + 1;
      }
    }
    return value;
  }

  Value key(std::string_view text) {
    if (text.size() < 18 && text.find_first_not_of("0123456789") == std::string_view::npos) {
      return *parse_integer(runtime_, text, 10);
    }
    return Value(runtime_.text(text));
  }

  // `alone`: nothing follows the name; only then does it count for the numbering.
  Value first(std::string_view name, bool alone) {
    const bool is_number =
        name.find_first_not_of("0123456789") == std::string_view::npos && (alone || !name.empty());
    if (!is_number) {
      const Value* found = mapping_ != nullptr ? find_key(runtime_, *mapping_, name) : arguments_.find(name);
      if (found == nullptr) raise(ErrorKind::kLookup, "{}", quoted(name));
      return *found;
    }
    if (name.size() > 9) raise(ErrorKind::kValue, "Too many decimal digits in format string");
    const auto numbering = name.empty() ? Numbering::kAutomatic : Numbering::kManual;
    if (alone && numbering_ != Numbering::kNone && numbering_ != numbering) {
      raise(ErrorKind::kValue, "cannot switch from manual field specification to automatic field numbering");
    }
    if (alone) numbering_ = numbering;
    const std::size_t index = name.empty() ? next_++ : std::stoul(std::string(name));
    if (index >= arguments_.positional.size()) {
      raise(ErrorKind::kLookup, "tuple index out of range");
    }
    return arguments_.positional[index];
  }

  enum class Numbering { kNone, kAutomatic, kManual };

  Runtime& runtime_;
  const CallArguments& arguments_;
  const Dict* mapping_;
  bool escapes_;
  Numbering numbering_ = Numbering::kNone;
  std::size_t next_ = 0;
};

}  // namespace

const Str* brace_format(Runtime& runtime, const Str& pattern, const CallArguments& arguments,
                        const Dict* mapping) {
  BraceFormat format(runtime, arguments, mapping, pattern.markup);
  return runtime.text(format.run(pattern.view(), 1), pattern.markup);
}

}  // namespace atelier::text::jinja
