// Tokens of a template, with Jinja2's white-space rules as chat templates use them (trim_blocks,
// lstrip_blocks, one trailing newline dropped).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::text::jinja {

enum class TokenKind : std::uint8_t {
  kData,  // text between tags
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,  // of the template
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int line = 0;
  std::string text;  // data, name, operator, number as written without underscores, string unescaped

  bool is_operator(std::string_view symbol) const { return kind == TokenKind::kOperator && text == symbol; }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// Raises kSyntax. `source` is valid UTF-8.
std::vector<Token> tokenize(std::string_view source);

}  // namespace atelier::text::jinja
