#include "text/jinja_token_stream.h"

#include <algorithm>

#include "text/jinja_error.h"
#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

std::string_view describe(TokenKind kind) {
  switch (kind) {
    case TokenKind::kData:
      return "template data / text";
    case TokenKind::kBlockBegin:
      return "begin of statement block";
    case TokenKind::kBlockEnd:
      return "end of statement block";
    case TokenKind::kVariableBegin:
      return "begin of print statement";
    case TokenKind::kVariableEnd:
      return "end of print statement";
    case TokenKind::kName:
      return "name";
    case TokenKind::kString:
      return "string";
    case TokenKind::kInteger:
      return "integer";
    case TokenKind::kFloat:
      return "float";
    case TokenKind::kOperator:
      return "operator";
    case TokenKind::kEnd:
      return "end of template";
  }
  return "";
}

}  // namespace

std::string describe(const Token& token) {
  if (token.kind == TokenKind::kName || token.kind == TokenKind::kOperator) return token.text;
  return std::string(describe(token.kind));
}

Token TokenStream::next() {
  Token out = tokens_[at_];
  skip();
  return out;
}

bool TokenStream::at_any_name(std::initializer_list<std::string_view> names) const {
  return at(TokenKind::kName) && std::ranges::find(names, current().text) != names.end();
}

bool TokenStream::skip_name(std::string_view name) {
  if (!at_name(name)) return false;
  skip();
  return true;
}

bool TokenStream::skip_operator(std::string_view symbol) {
  if (!at_operator(symbol)) return false;
  skip();
  return true;
}

Token TokenStream::expect(TokenKind kind) {
  if (!at(kind)) fail_expected(describe(kind));
  return next();
}

Token TokenStream::expect_name(std::string_view name) {
  if (!at_name(name)) fail_expected(name);
  return next();
}

void TokenStream::expect_operator(std::string_view symbol) {
  if (!at_operator(symbol)) fail_expected(symbol);
  skip();
}

void TokenStream::fail(const std::string& message, int line) const {
  throw Error{ErrorKind::kSyntax, message, line == 0 ? current().line : line};
}

void TokenStream::fail_expected(std::string_view wanted) const {
  if (at(TokenKind::kEnd)) fail(fmt::format("unexpected end of template, expected {}.", quoted(wanted)));
  fail(fmt::format("expected token {}, got {}", quoted(wanted), quoted(describe(current()))));
}

}  // namespace atelier::text::jinja
