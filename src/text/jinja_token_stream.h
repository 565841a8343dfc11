// The tokens a parser reads, with the questions it asks about them and the errors it finds.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja_lexer.h"

namespace atelier::text::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token next();  // the current token; moves on
  void skip(std::size_t count = 1) { at_ = std::min(at_ + count, tokens_.size() - 1); }

  bool at(TokenKind kind) const { return current().kind == kind; }
  bool at_name(std::string_view name) const { return current().is_name(name); }
  bool at_any_name(std::initializer_list<std::string_view> names) const;
  bool at_operator(std::string_view symbol) const { return current().is_operator(symbol); }
  bool skip_name(std::string_view name);
  bool skip_operator(std::string_view symbol);

  Token expect(TokenKind kind);
  Token expect_name(std::string_view name);
  void expect_operator(std::string_view symbol);

  [[noreturn]] void fail(const std::string& message, int line = 0) const;  // 0: the current token's

 private:
  [[noreturn]] void fail_expected(std::string_view wanted) const;

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

std::string describe(const Token& token);

}  // namespace atelier::text::jinja
