#include "text/jinja_lexer.h"

#include <algorithm>
#include <optional>

#include "text/jinja_error.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string with_plain_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(with_plain_newlines(source)), text_(source_) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) data();
    tokens_.push_back({TokenKind::kEnd, line_, ""});
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::string message) const {
    throw Error{ErrorKind::kSyntax, std::move(message), line_};
  }

  void emit(TokenKind kind, std::string_view text) { tokens_.push_back({kind, line_, std::string(text)}); }

  void advance(std::size_t to) {
    line_ += static_cast<int>(count_lines(text_.substr(at_, to - at_)));
    at_ = to;
  }

  std::size_t skip_spaces(std::size_t at) const {
    while (at < text_.size()) {
      std::size_t after = at;
      if (!is_space(next_code_point(text_, after))) break;
      at = after;
    }
    return at;
  }

  std::size_t next_tag(std::size_t from) const {
    for (std::size_t at = text_.find('{', from); at != std::string_view::npos; at = text_.find('{', at + 1)) {
      if (at + 1 < text_.size() && (text_[at + 1] == '{' || text_[at + 1] == '%' || text_[at + 1] == '#'))
        return at;
    }
    return std::string_view::npos;
  }

  char sign_at(std::size_t at) const {
    return at < text_.size() && (text_[at] == '-' || text_[at] == '+') ? text_[at] : '\0';
  }

  // Text up to the next tag, and the tag.
  void data() {
    const std::size_t tag = next_tag(at_);
    if (tag == std::string_view::npos) {
      emit(TokenKind::kData, text_.substr(at_));
      advance(text_.size());
      return;
    }
    const char kind = text_[tag + 1];
    const char sign = sign_at(tag + 2);
    emit_data(text_.substr(at_, tag - at_), sign, kind != '{');
    advance(tag);
    if (const auto body = raw_begin(tag)) return raw(*body);
    advance(tag + 2 + (sign != 0 ? 1 : 0));
    if (kind == '#') return comment();
    emit(kind == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "");
    code(kind == '{');
  }

  // '-' strips all white space before a tag; otherwise a tag that stands first on its line loses its
  // indentation.
  void emit_data(std::string_view text, char sign, bool strips_line) {
    if (sign == '-') {
      while (!text.empty()) {
        std::size_t before = text.size();
        if (!is_space(previous_code_point(text, before))) break;
        text = text.substr(0, before);
      }
    } else if (sign != '+' && strips_line) {
      const std::size_t newline = text.rfind('\n');
      const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
      if (start > 0 || at_line_start_) {
        std::size_t at = start;
        while (at < text.size() && is_space(next_code_point(text, at))) {
          if (at == text.size()) text = text.substr(0, start);
        }
      }
    }
    if (!text.empty()) emit(TokenKind::kData, text);
  }

  void passed(std::size_t end) { at_line_start_ = end > 0 && text_[end - 1] == '\n'; }

  // Where a tag's end `closing` at `at` ends: "-%}" takes the white space after it, "%}" one newline.
  std::optional<std::size_t> tag_end(std::size_t at, std::string_view closing, bool trims_newline,
                                     bool has_plus) const {
    const std::string_view rest = text_.substr(at);
    if (rest.starts_with('-') && rest.substr(1).starts_with(closing)) {
      return skip_spaces(at + 1 + closing.size());
    }
    if (has_plus && rest.starts_with('+') && rest.substr(1).starts_with(closing))
      return at + 1 + closing.size();
    if (!rest.starts_with(closing)) return std::nullopt;
    const std::size_t end = at + closing.size();
    return trims_newline && end < text_.size() && text_[end] == '\n' ? end + 1 : end;
  }

  void comment() {
    for (std::size_t at = text_.find('#', at_); at != std::string_view::npos; at = text_.find('#', at + 1)) {
      if (!text_.substr(at).starts_with("#}")) continue;
      const bool signed_end = at > at_ && (text_[at - 1] == '-' || text_[at - 1] == '+');
      const std::size_t end = *tag_end(signed_end ? at - 1 : at, "#}", true, true);
      advance(end);
      passed(end);
      return;
    }
    fail("Missing end of comment tag");
  }

  // "{% raw %}": where its text begins.
  std::optional<std::size_t> raw_begin(std::size_t tag) const {
    if (text_[tag + 1] != '%') return std::nullopt;
    std::size_t at = skip_spaces(tag + 2 + (sign_at(tag + 2) != 0 ? 1 : 0));
    if (!text_.substr(at).starts_with("raw")) return std::nullopt;
    return tag_end(skip_spaces(at + 3), "%}", false, false);
  }

  void raw(std::size_t body) {
    advance(body);
    passed(body);
    for (std::size_t tag = text_.find("{%", at_); tag != std::string_view::npos;
         tag = text_.find("{%", tag + 1)) {
      const char sign = sign_at(tag + 2);
      std::size_t at = skip_spaces(tag + 2 + (sign != 0 ? 1 : 0));
      if (!text_.substr(at).starts_with("endraw")) continue;
      const auto end = tag_end(skip_spaces(at + 6), "%}", true, true);
      if (!end) continue;
      emit_data(text_.substr(at_, tag - at_), sign, true);
      advance(*end);
      passed(*end);
      return;
    }
    fail("Missing end of raw directive");
  }

  // Inside {{ … }} or {% … %}.
  void code(bool is_variable) {
    std::string open;  // brackets not yet closed
    while (at_ < text_.size()) {
      if (open.empty()) {
        const auto end = tag_end(at_, is_variable ? "}}" : "%}", !is_variable, !is_variable);
        if (end) {
          emit(is_variable ? TokenKind::kVariableEnd : TokenKind::kBlockEnd, "");
          advance(*end);
          passed(*end);
          return;
        }
      }
      const std::size_t after = skip_spaces(at_);
      if (after > at_) {
        advance(after);
        continue;
      }
      token(open);
    }
    at_line_start_ = false;
  }

  void token(std::string& open) {
    const char c = text_[at_];
    std::size_t look = at_;
    const char32_t code = next_code_point(text_, look);
    if (is_ascii_digit(c)) return number();
    if (code == '_' || is_alnum(code)) return name();
    if (c == '\'' || c == '"') return string(c);
    symbol(open);
  }

  // The end of digits of one base with single underscores between them.
  std::size_t digits(std::size_t at, std::string_view set) const {
    const auto is_digit = [&](std::size_t i) {
      return i < text_.size() && set.find(text_[i]) != std::string_view::npos;
    };
    while (is_digit(at) ||
           (at < text_.size() && text_[at] == '_' && at > 0 && is_digit(at - 1) && is_digit(at + 1)))
      ++at;
    return at;
  }

  void number() {
    static constexpr std::string_view kDecimal = "0123456789";
    const std::size_t whole = digits(at_, kDecimal);
    std::size_t end = whole;
    bool real = false;
    if (at_ == 0 || text_[at_ - 1] != '.') {
      if (end + 1 < text_.size() && text_[end] == '.' && is_ascii_digit(text_[end + 1])) {
        end = digits(end + 1, kDecimal);
        real = true;
      }
      if (end < text_.size() && (text_[end] | 0x20) == 'e') {
        std::size_t exponent = end + 1;
        if (sign_at(exponent) != 0) ++exponent;
        if (exponent < text_.size() && is_ascii_digit(text_[exponent])) {
          end = digits(exponent, kDecimal);
          real = true;
        }
      }
    }
    if (!real) end = integer_end(whole);
    std::string text(text_.substr(at_, end - at_));
    std::erase(text, '_');
    tokens_.push_back({real ? TokenKind::kFloat : TokenKind::kInteger, line_, std::move(text)});
    at_ = end;
  }

  std::size_t integer_end(std::size_t decimal_end) const {
    if (text_[at_] != '0') return decimal_end;
    if (at_ + 1 < text_.size()) {
      const char base = static_cast<char>(text_[at_ + 1] | 0x20);
      const std::string_view set = base == 'x'   ? "0123456789abcdefABCDEF"
                                   : base == 'o' ? "01234567"
                                   : base == 'b' ? "01"
                                                 : "";
      std::size_t first = at_ + 2;
      if (first < text_.size() && text_[first] == '_') ++first;
      if (!set.empty() && first < text_.size() && set.find(text_[first]) != std::string_view::npos) {
        return digits(first, set);
      }
    }
    return digits(at_, "0");
  }

  void name() {
    std::size_t end = at_;
    bool valid = true;
    while (end < text_.size()) {
      std::size_t after = end;
      const char32_t code = next_code_point(text_, after);
      if (code != '_' && !is_alnum(code) && !is_identifier_part(code)) break;
      valid = valid && (end == at_ ? is_identifier_start(code) : is_identifier_part(code));
      end = after;
    }
    if (!valid) fail("Invalid character in identifier");
    emit(TokenKind::kName, text_.substr(at_, end - at_));
    at_ = end;
  }

  void string(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size())
      fail(fmt::format("unexpected char {} at {}", quoted(std::string(1, quote)),
                       count_code_points(text_.substr(0, at_))));
    const std::string text = unescaped(text_.substr(at_ + 1, end - at_ - 1));
    emit(TokenKind::kString, text);
    advance(end + 1);
  }

  // Python's escapes in a string literal. A backslash before anything else stays.
  std::string unescaped(std::string_view raw) const {
    std::string out;
    for (std::size_t at = 0; at < raw.size();) {
      if (raw[at] != '\\') {
        out += raw[at++];
        continue;
      }
      ++at;  // the lexer made sure that something follows
      const char c = raw[at];
      static constexpr std::string_view kLetters = "abfnrtv\\'\"";
      static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
      if (const std::size_t i = kLetters.find(c); i != std::string_view::npos) {
        out += kMeanings[i];
        ++at;
      } else if (c == '\n') {
        ++at;
      } else if (c >= '0' && c <= '7') {
        char32_t code = 0;
        for (int i = 0; i < 3 && at < raw.size() && raw[at] >= '0' && raw[at] <= '7'; ++i) {
          code = code * 8 + static_cast<char32_t>(raw[at++] - '0');
        }
        append_code_point(out, code);
      } else if (c == 'x' || c == 'u' || c == 'U') {
        append_hex(out, raw, at);
      } else if (c == 'N') {
        fail("character names (\\N{...}) are not supported");
      } else if (static_cast<unsigned char>(c) >= 0x80) {
        // Python escapes what is not ASCII before it unescapes: the backslash then belongs to that escape.
        const std::size_t start = at;
        const auto code = static_cast<std::uint32_t>(next_code_point(raw, at));
        out += '\\';
        out += code <= 0xff     ? fmt::format("x{:02x}", code)
               : code <= 0xffff ? fmt::format("u{:04x}", code)
                                : fmt::format("U{:08x}", code);
        (void)start;
      } else {
        out += '\\';
        out += c;
        ++at;
      }
    }
    return out;
  }

  // \xhh, \uhhhh, \Uhhhhhhhh with `at` on the letter.
  void append_hex(std::string& out, std::string_view raw, std::size_t& at) const {
    const char letter = raw[at++];
    const std::size_t size = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
    char32_t code = 0;
    for (std::size_t i = 0; i < size; ++i, ++at) {
      const char c = at < raw.size() ? raw[at] : ' ';
      const bool letter_digit = (c | 0x20) >= 'a' && (c | 0x20) <= 'f';
      if (!is_ascii_digit(c) && !letter_digit) {
        fail(fmt::format("truncated \\{}{} escape", letter, std::string(size, 'X')));
      }
      code = code * 16 + static_cast<char32_t>(is_ascii_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    if (code > 0x10ffff) fail("illegal Unicode character");
    if (code >= 0xd800 && code < 0xe000) fail("a string holds half of a surrogate pair");
    append_code_point(out, code);
  }

  void symbol(std::string& open) {
    static constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kOne = "+-/*%~[](){}><=.:|,;";
    const std::string_view two = text_.substr(at_, 2);
    std::size_t size = 0;
    if (std::ranges::find(kTwo, two) != std::end(kTwo)) {
      size = 2;
    } else if (kOne.find(text_[at_]) != std::string_view::npos) {
      size = 1;
    }
    if (size == 0) {
      std::size_t after = at_;
      next_code_point(text_, after);
      fail(fmt::format("unexpected char {} at {}", quoted(text_.substr(at_, after - at_)),
                       count_code_points(text_.substr(0, at_))));
    }
    balance(text_[at_], open);
    emit(TokenKind::kOperator, text_.substr(at_, size));
    at_ += size;
  }

  void balance(char c, std::string& open) const {
    if (c == '{') open += '}';
    if (c == '(') open += ')';
    if (c == '[') open += ']';
    if (c != '}' && c != ')' && c != ']') return;
    if (open.empty()) fail(fmt::format("unexpected '{}'", c));
    if (open.back() != c) fail(fmt::format("unexpected '{}', expected '{}'", c, open.back()));
    open.pop_back();
  }

  std::string source_;
  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace atelier::text::jinja
