// Reads expressions, in Jinja2's grammar: precedence from `or` down to `**`, then filters and tests.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja_nodes.h"
#include "text/jinja_token_stream.h"

namespace atelier::text::jinja {

// Names that mean something when a body mentions them; which a body does decides what is set up for it.
struct Mentions {
  bool loop = false, caller = false, kwargs = false, varargs = false, self = false, super = false;
  void add(const Mentions& other);
};

class ExpressionParser {
 public:
  ExpressionParser(TokenStream& tokens, Tree& tree) : tokens_(tokens), tree_(tree) {}

  Expression* expression(bool with_condition = true);
  // Expressions with commas between them are a tuple. `end_name`: a name that ends it ("recursive").
  Expression* tuple(bool with_condition = true, std::string_view end_name = {}, bool in_parentheses = false);
  Expression* filters(Expression* subject,
                      bool starts_with_name = false);  // nullptr stays where none follows
  // A name, a namespace's attribute (`with_attribute`), or a tuple of such.
  Target target(std::string_view end_name, bool with_attribute);
  const Str* target_name();

  Mentions mentions;

 private:
  Expression* condition();
  Expression* logic_or();
  Expression* logic_and();
  Expression* logic_not();
  Expression* comparison();
  Expression* sum();
  Expression* concatenation();
  Expression* product();
  Expression* power();
  Expression* unary(bool with_filter);
  Expression* primary();
  Expression* string_constant();
  Expression* number_constant();
  Expression* list();
  Expression* dict();
  Expression* postfix(Expression* node);
  Expression* subscript(Expression* owner);
  Expression* bracket(Expression* owner, int line);
  Expression* filter_chain(Expression* node);
  Expression* test(Expression* subject);
  std::string dotted_name();
  ArgumentList arguments();
  Target simple_target(bool with_attribute);

  template <class Form>
  Expression* make(int line, Form form, std::initializer_list<const Expression*> children);
  Expression* finish(Expression* node, int height);

  TokenStream& tokens_;
  Tree& tree_;
  int nesting_ = 0;

  friend struct NestingGuard;
};

}  // namespace atelier::text::jinja
