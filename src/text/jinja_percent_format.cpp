// pattern % arguments.
#include <cmath>

#include "text/jinja_number_format.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

class PercentFormat {
 public:
  PercentFormat(Runtime& runtime, const Str& pattern, const Value& arguments)
      : runtime_(runtime), pattern_(pattern), arguments_(arguments), out_(runtime) {
    takes_by_name_ = arguments.is(Kind::kDict) || arguments.is(Kind::kList) || arguments.is_undefined() ||
                     arguments.is(Kind::kRange);
  }

  const Str* run() {
    const std::string_view text = pattern_.view();
    while (at_ < text.size()) {
      const std::size_t percent = text.find('%', at_);
      out_.append(text.substr(at_, percent == std::string_view::npos ? percent : percent - at_));
      if (percent == std::string_view::npos) break;
      at_ = percent + 1;
      directive();
    }
    const std::size_t count = arguments_.is(Kind::kTuple) ? arguments_.sequence->size : 1;
    if (used_ < count && !takes_by_name_) {
      raise(ErrorKind::kType, "not all arguments converted during string formatting");
    }
    return out_.finish(pattern_.markup);
  }

 private:
  char peek() const {
    if (at_ >= pattern_.size) raise(ErrorKind::kValue, "incomplete format");
    return pattern_.data[at_];
  }

  void directive() {
    runtime_.step();
    FormatSpec spec;
    Value named;
    if (peek() == '(') named = argument_by_name();
    bool left = false;
    for (;; ++at_) {
      const char c = peek();
      if (c == '-') {
        left = true;
      } else if (c == '+') {
        spec.sign = '+';
      } else if (c == ' ') {
        if (spec.sign != '+') spec.sign = ' ';
      } else if (c == '#') {
        spec.alternate = true;
      } else if (c == '0') {
        spec.zero = true;
      } else {
        break;
      }
    }
    spec.width = number(left);
    if (spec.width > static_cast<std::int64_t>(runtime_.max_text_bytes())) {
      runtime_.check_text_size(static_cast<std::size_t>(spec.width));
    }
    if (left) spec.align = '<';
    if (peek() == '.') {
      ++at_;
      bool ignored = false;
      spec.precision = std::max<std::int64_t>(number(ignored), 0);
    }
    while (peek() == 'h' || peek() == 'l' || peek() == 'L') ++at_;
    spec.type = peek();
    ++at_;
    if (spec.type == '%') return out_.append('%');
    convert(spec, named.is_missing() ? next_argument() : named);
  }

  // A width or precision: digits, or * for the next argument.
  std::int64_t number(bool& negative) {
    if (peek() == '*') {
      ++at_;
      const Value given = next_argument();
      if (!given.is_integral()) raise(ErrorKind::kType, "* wants int");
      const std::int64_t value = to_index(given);
      if (value < 0) negative = true;
      return value < 0 ? -std::max<std::int64_t>(value, -INT64_MAX) : value;
    }
    std::int64_t value = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      value = value * 10 + (peek() - '0');
      if (value > INT32_MAX) raise(ErrorKind::kValue, "width too big");
    }
    return value;
  }

  Value argument_by_name() {
    if (!takes_by_name_) raise(ErrorKind::kType, "format requires a mapping");
    const std::size_t start = ++at_;
    for (int open = 1; open > 0; ++at_) {
      if (at_ >= pattern_.size) raise(ErrorKind::kValue, "incomplete format key");
      if (pattern_.data[at_] == '(') ++open;
      if (pattern_.data[at_] == ')') --open;
    }
    const std::string_view name = pattern_.view().substr(start, at_ - 1 - start);
    if (arguments_.is_undefined()) raise_undefined(*arguments_.undefined);
    if (!arguments_.is(Kind::kDict)) {
      raise(ErrorKind::kType, "{} indices must be integers or slices, not str", type_name(arguments_));
    }
    const Value* found = find_key(runtime_, *arguments_.dict, name);
    if (found == nullptr) raise(ErrorKind::kLookup, "{}", quoted(name));
    return *found;
  }

  Value next_argument() {
    const bool is_tuple = arguments_.is(Kind::kTuple);
    if (used_ >= (is_tuple ? arguments_.sequence->size : 1u)) {
      raise(ErrorKind::kType, "not enough arguments for format string");
    }
    const Value out = is_tuple ? arguments_.sequence->items[used_] : arguments_;
    ++used_;
    return out;
  }

  void convert(const FormatSpec& spec, const Value& value) {
    switch (spec.type) {
      case 's':
        return text(spec, pattern_.markup ? std::string(escape(runtime_, value)->view())
                                          : std::string(to_str(runtime_, value)->view()));
      case 'r':
      case 'a':
        return text(spec, repr(runtime_, value));
      case 'c':
        return character(spec, value);
      case 'd':
      case 'i':
      case 'u':
        return whole(spec, value);
      case 'o':
      case 'x':
      case 'X':
        if (!value.is_integral()) {
          raise(ErrorKind::kType, "%{} format: an integer is required, not {}", spec.type, type_name(value));
        }
        return integer(spec, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return real(spec, value);
      default:
        raise(ErrorKind::kValue, "unsupported format character '{}' ({:#x}) at index {}", spec.type,
              static_cast<int>(static_cast<unsigned char>(spec.type)),
              count_code_points(pattern_.view().substr(0, at_ - 1)));
    }
  }

  void text(const FormatSpec& spec, std::string value) {
    if (spec.precision >= 0) value.resize(byte_offset(value, static_cast<std::size_t>(spec.precision)));
    FormatSpec padding = spec;
    padding.zero = false;
    out_.append(pad_text(std::move(value), padding, '>'));
  }

  void character(const FormatSpec& spec, const Value& value) {
    std::string out;
    if (value.is_integral()) {
      const auto code = to_big(value).to_int64();
      if (!code || *code < 0 || *code > 0x10ffff)
        raise(ErrorKind::kOverflow, "%c arg not in range(0x110000)");
      append_code_point(out, static_cast<char32_t>(*code));
    } else if (value.is_string() && value.string->length() == 1) {
      out = value.string->view();
    } else {
      raise(ErrorKind::kType, "%c requires int or char");
    }
    text(spec, out);
  }

  void whole(const FormatSpec& spec, const Value& value) {
    if (value.is_integral()) return integer(spec, value);
    if (!value.is(Kind::kFloat)) {
      if (value.is_undefined()) raise_undefined(*value.undefined);
      raise(ErrorKind::kType, "%{} format: a real number is required, not {}", spec.type, type_name(value));
    }
    integer(spec, integer_of(runtime_, value.real));
  }

  void integer(const FormatSpec& spec, const Value& value) {
    std::string digits = integer_digits(value, spec.type);
    if (spec.precision > static_cast<std::int64_t>(digits.size())) {
      runtime_.check_text_size(static_cast<std::size_t>(spec.precision));
      digits.insert(0, static_cast<std::size_t>(spec.precision) - digits.size(), '0');
    }
    const char* prefix = !spec.alternate    ? ""
                         : spec.type == 'o' ? "0o"
                         : spec.type == 'x' ? "0x"
                         : spec.type == 'X' ? "0X"
                                            : "";
    out_.append(assemble_number(to_big(value).is_negative(), prefix, std::move(digits), spec));
  }

  void real(const FormatSpec& spec, const Value& value) {
    if (!value.is_number()) {
      if (value.is_undefined()) raise_undefined(*value.undefined);
      raise(ErrorKind::kType, "must be real number, not {}", type_name(value));
    }
    const double number = to_double(value);
    out_.append(assemble_number(std::signbit(number) && !std::isnan(number), "",
                                float_digits(std::fabs(number), spec.type, spec.precision, spec.alternate),
                                spec));
  }

  Runtime& runtime_;
  const Str& pattern_;
  const Value& arguments_;
  TextBuilder out_;
  bool takes_by_name_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
};

}  // namespace

const Str* percent_format(Runtime& runtime, const Str& pattern, const Value& arguments) {
  return PercentFormat(runtime, pattern, arguments).run();
}

}  // namespace atelier::text::jinja
