#include "text/jinja_expression_parser.h"

#include <algorithm>

#include "text/jinja_parser.h"

namespace atelier::text::jinja {

struct NestingGuard {
  explicit NestingGuard(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.nesting_ > kMaxNesting) {
      parser_.tokens_.fail(fmt::format("expressions are nested more than {} deep", kMaxNesting));
    }
  }
  ~NestingGuard() { --parser_.nesting_; }
  ExpressionParser& parser_;
};

namespace {

int highest(const std::vector<Expression*>& items) {
  int out = 0;
  for (const Expression* item : items) out = std::max(out, item->height);
  return out;
}

int highest(const ArgumentList& list) {
  int out = highest(list.positional);
  for (const auto& [name, value] : list.named) out = std::max(out, value->height);
  if (list.more_positional != nullptr) out = std::max(out, list.more_positional->height);
  if (list.more_named != nullptr) out = std::max(out, list.more_named->height);
  return out;
}

std::optional<Comparison> comparison_of(const Token& token) {
  if (token.kind != TokenKind::kOperator) return std::nullopt;
  if (token.text == "==") return Comparison::kEqual;
  if (token.text == "!=") return Comparison::kNotEqual;
  if (token.text == "<") return Comparison::kLess;
  if (token.text == "<=") return Comparison::kLessEqual;
  if (token.text == ">") return Comparison::kGreater;
  if (token.text == ">=") return Comparison::kGreaterEqual;
  return std::nullopt;
}

}  // namespace

void Mentions::add(const Mentions& other) {
  loop = loop || other.loop;
  caller = caller || other.caller;
  kwargs = kwargs || other.kwargs;
  varargs = varargs || other.varargs;
  self = self || other.self;
  super = super || other.super;
}

Expression* ExpressionParser::expression(bool with_condition) {
  const NestingGuard guard(*this);
  return with_condition ? condition() : logic_or();
}

Expression* ExpressionParser::tuple(bool with_condition, std::string_view end_name, bool in_parentheses) {
  const int line = tokens_.current().line;
  const auto at_end = [&] {
    return tokens_.at(TokenKind::kVariableEnd) || tokens_.at(TokenKind::kBlockEnd) ||
           tokens_.at_operator(")") || (!end_name.empty() && tokens_.at_name(end_name));
  };
  std::vector<Expression*> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) tokens_.expect_operator(",");
    if (at_end()) break;
    items.push_back(expression(with_condition));
    if (!tokens_.at_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!items.empty()) return items[0];
    if (!in_parentheses)
      tokens_.fail(fmt::format("Expected an expression, got {}", quoted(describe(tokens_.current()))));
  }
  const int height = highest(items);
  Expression* out = make(line, TupleLiteral{std::move(items)}, {});
  return finish(out, height);
}

Expression* ExpressionParser::condition() {
  const int line = tokens_.current().line;
  Expression* value = logic_or();
  while (tokens_.skip_name("if")) {
    Expression* test = logic_or();
    Expression* otherwise = nullptr;
    if (tokens_.skip_name("else")) otherwise = expression();
    value = make(line, Conditional{test, value, otherwise}, {test, value, otherwise});
  }
  return value;
}

Expression* ExpressionParser::logic_or() {
  const int line = tokens_.current().line;
  Expression* left = logic_and();
  while (tokens_.skip_name("or")) {
    Expression* right = logic_and();
    left = make(line, Logic{false, left, right}, {left, right});
  }
  return left;
}

Expression* ExpressionParser::logic_and() {
  const int line = tokens_.current().line;
  Expression* left = logic_not();
  while (tokens_.skip_name("and")) {
    Expression* right = logic_not();
    left = make(line, Logic{true, left, right}, {left, right});
  }
  return left;
}

Expression* ExpressionParser::logic_not() {
  if (!tokens_.at_name("not")) return comparison();
  const NestingGuard guard(*this);
  const int line = tokens_.next().line;
  Expression* operand = logic_not();
  return make(line, Unary{Unary::What::kNot, operand}, {operand});
}

Expression* ExpressionParser::comparison() {
  const int line = tokens_.current().line;
  Expression* first = sum();
  Compare out{first, {}};
  int height = first->height;
  for (;;) {
    Comparison operation;
    if (const auto symbol = comparison_of(tokens_.current())) {
      operation = *symbol;
      tokens_.skip();
    } else if (tokens_.skip_name("in")) {
      operation = Comparison::kIn;
    } else if (tokens_.at_name("not") && tokens_.ahead().is_name("in")) {
      operation = Comparison::kNotIn;
      tokens_.skip(2);
    } else {
      break;
    }
    out.rest.emplace_back(operation, sum());
    height = std::max(height, out.rest.back().second->height);
  }
  if (out.rest.empty()) return first;
  return finish(make(line, std::move(out), {}), height);
}

Expression* ExpressionParser::sum() {
  const int line = tokens_.current().line;
  Expression* left = concatenation();
  while (tokens_.at_operator("+") || tokens_.at_operator("-")) {
    const auto operation = tokens_.next().text == "+" ? Operator::kAdd : Operator::kSubtract;
    Expression* right = concatenation();
    left = make(line, Binary{operation, left, right}, {left, right});
  }
  return left;
}

Expression* ExpressionParser::concatenation() {
  const int line = tokens_.current().line;
  std::vector<Expression*> parts = {product()};
  while (tokens_.skip_operator("~")) parts.push_back(product());
  if (parts.size() == 1) return parts[0];
  const int height = highest(parts);
  return finish(make(line, Concatenation{std::move(parts)}, {}), height);
}

Expression* ExpressionParser::product() {
  const int line = tokens_.current().line;
  Expression* left = power();
  for (;;) {
    Operator operation;
    if (tokens_.skip_operator("*")) {
      operation = Operator::kMultiply;
    } else if (tokens_.skip_operator("/")) {
      operation = Operator::kDivide;
    } else if (tokens_.skip_operator("//")) {
      operation = Operator::kFloorDivide;
    } else if (tokens_.skip_operator("%")) {
      operation = Operator::kModulo;
    } else {
      return left;
    }
    Expression* right = power();
    left = make(line, Binary{operation, left, right}, {left, right});
  }
}

Expression* ExpressionParser::power() {
  const int line = tokens_.current().line;
  Expression* left = unary(true);
  while (tokens_.skip_operator("**")) {
    Expression* right = unary(true);
    left = make(line, Binary{Operator::kPower, left, right}, {left, right});
  }
  return left;
}

Expression* ExpressionParser::unary(bool with_filter) {
  const int line = tokens_.current().line;
  Expression* node = nullptr;
  if (tokens_.at_operator("-") || tokens_.at_operator("+")) {
    const NestingGuard guard(*this);
    const bool minus = tokens_.next().text == "-";
    Expression* operand = unary(false);
    node = make(line, Unary{minus ? Unary::What::kNegate : Unary::What::kPlus, operand}, {operand});
  } else {
    node = primary();
  }
  node = postfix(node);
  return with_filter ? filter_chain(node) : node;
}

Expression* ExpressionParser::primary() {
  const Token& token = tokens_.current();
  const int line = token.line;
  switch (token.kind) {
    case TokenKind::kName: {
      const std::string name = tokens_.next().text;
      if (name == "true" || name == "True") return make(line, Constant{Value(true)}, {});
      if (name == "false" || name == "False") return make(line, Constant{Value(false)}, {});
      if (name == "none" || name == "None") return make(line, Constant{Value::none()}, {});
      mentions.loop = mentions.loop || name == "loop";
      mentions.caller = mentions.caller || name == "caller";
      mentions.kwargs = mentions.kwargs || name == "kwargs";
      mentions.varargs = mentions.varargs || name == "varargs";
      mentions.self = mentions.self || name == "self";
      mentions.super = mentions.super || name == "super";
      return make(line, Name{tree_.intern(name), {}}, {});
    }
    case TokenKind::kString:
      return string_constant();
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return number_constant();
    default:
      break;
  }
  if (tokens_.skip_operator("(")) {
    Expression* out = tuple(true, {}, true);
    tokens_.expect_operator(")");
    return out;
  }
  if (tokens_.at_operator("[")) return list();
  if (tokens_.at_operator("{")) return dict();
  tokens_.fail(fmt::format("unexpected {}", quoted(describe(token))));
}

Expression* ExpressionParser::string_constant() {
  const int line = tokens_.current().line;
  std::string text;
  while (tokens_.at(TokenKind::kString)) text += tokens_.next().text;
  return make(line, Constant{Value(tree_.intern(std::move(text)))}, {});
}

Expression* ExpressionParser::number_constant() {
  const Token token = tokens_.next();
  if (token.kind == TokenKind::kFloat) return make(token.line, Constant{Value(*parse_float(token.text))}, {});
  const char base = token.text.size() > 1 ? static_cast<char>(token.text[1] | 0x20) : '0';
  const int radix = base == 'x' ? 16 : base == 'o' ? 8 : base == 'b' ? 2 : 10;
  try {
    const BigInteger number =
        BigInteger::from_digits(std::string_view(token.text).substr(radix == 10 ? 0 : 2), radix);
    if (const auto small = number.to_int64()) return make(token.line, Constant{Value(*small)}, {});
    const auto& limbs = tree_.limbs.emplace_back(number.limbs().begin(), number.limbs().end());
    const Big& big = tree_.bigs.emplace_back(Big{false, limbs});
    return make(token.line, Constant{Value(&big)}, {});
  } catch (Error& error) {
    tokens_.fail(error.message, token.line);
  }
}

Expression* ExpressionParser::list() {
  const int line = tokens_.next().line;
  std::vector<Expression*> items;
  while (!tokens_.at_operator("]")) {
    if (!items.empty()) tokens_.expect_operator(",");
    if (tokens_.at_operator("]")) break;
    items.push_back(expression());
  }
  tokens_.expect_operator("]");
  const int height = highest(items);
  return finish(make(line, ListLiteral{std::move(items)}, {}), height);
}

Expression* ExpressionParser::dict() {
  const int line = tokens_.next().line;
  DictLiteral out;
  int height = 0;
  while (!tokens_.at_operator("}")) {
    if (!out.entries.empty()) tokens_.expect_operator(",");
    if (tokens_.at_operator("}")) break;
    Expression* key = expression();
    tokens_.expect_operator(":");
    out.entries.emplace_back(key, expression());
    height = std::max({height, key->height, out.entries.back().second->height});
  }
  tokens_.expect_operator("}");
  return finish(make(line, std::move(out), {}), height);
}

Expression* ExpressionParser::postfix(Expression* node) {
  for (;;) {
    if (tokens_.at_operator(".") || tokens_.at_operator("[")) {
      node = subscript(node);
    } else if (tokens_.at_operator("(")) {
      const int line = tokens_.current().line;
      Call call{node, arguments()};
      const int height = std::max(node->height, highest(call.arguments));
      node = finish(make(line, std::move(call), {}), height);
    } else {
      return node;
    }
  }
}

Expression* ExpressionParser::subscript(Expression* owner) {
  const Token token = tokens_.next();
  if (token.text == "[") return bracket(owner, token.line);
  if (tokens_.at(TokenKind::kInteger)) {
    Expression* key = number_constant();
    return make(token.line, Item{owner, key}, {owner, key});
  }
  if (!tokens_.at(TokenKind::kName)) tokens_.fail("expected name or number");
  return make(token.line, Attribute{owner, tree_.intern(tokens_.next().text)}, {owner});
}

// owner[key], owner[a, b] and owner[start:stop:step]; the opening bracket is read.
Expression* ExpressionParser::bracket(Expression* owner, int line) {
  const auto at_end = [&] { return tokens_.at_operator("]") || tokens_.at_operator(","); };
  std::vector<Expression*> keys;
  while (!tokens_.at_operator("]")) {
    if (!keys.empty()) tokens_.expect_operator(",");
    Expression* start = tokens_.at_operator(":") ? nullptr : expression();
    if (!tokens_.skip_operator(":")) {
      keys.push_back(start);
      continue;
    }
    Expression *stop = nullptr, *step = nullptr;
    if (!tokens_.at_operator(":") && !at_end()) stop = expression();
    if (tokens_.skip_operator(":") && !at_end()) step = expression();
    if (!keys.empty() || !tokens_.at_operator("]")) tokens_.fail("a slice cannot stand in a tuple", line);
    tokens_.skip();
    return make(line, Slice{owner, start, stop, step}, {owner, start, stop, step});
  }
  tokens_.expect_operator("]");
  if (keys.size() == 1) return make(line, Item{owner, keys[0]}, {owner, keys[0]});
  const int height = highest(keys);
  Expression* key = finish(make(line, TupleLiteral{std::move(keys)}, {}), height);
  return make(line, Item{owner, key}, {owner, key});
}

Expression* ExpressionParser::filter_chain(Expression* node) {
  for (;;) {
    if (tokens_.at_operator("|")) {
      node = filters(node);
    } else if (tokens_.at_name("is")) {
      node = test(node);
    } else if (tokens_.at_operator("(")) {
      node = postfix(node);
    } else {
      return node;
    }
  }
}

Expression* ExpressionParser::filters(Expression* subject, bool starts_with_name) {
  while (starts_with_name || tokens_.at_operator("|")) {
    if (!starts_with_name) tokens_.skip();
    starts_with_name = false;
    const int line = tokens_.current().line;
    const std::string name = dotted_name();
    Filter filter{subject, tree_.intern(name), false, find_filter(name), {}};
    if (tokens_.at_operator("(")) filter.arguments = arguments();
    const int height = std::max(subject == nullptr ? 0 : subject->height, highest(filter.arguments));
    subject = finish(make(line, std::move(filter), {}), height);
  }
  return subject;
}

Expression* ExpressionParser::test(Expression* subject) {
  const int line = tokens_.next().line;
  const bool negated = tokens_.skip_name("not");
  const std::string name = dotted_name();
  Filter test{subject, tree_.intern(name), true, find_test(name), {}};
  const bool takes_argument = tokens_.at(TokenKind::kName) || tokens_.at(TokenKind::kString) ||
                              tokens_.at(TokenKind::kInteger) || tokens_.at(TokenKind::kFloat) ||
                              tokens_.at_operator("[") || tokens_.at_operator("{");
  if (tokens_.at_operator("(")) {
    test.arguments = arguments();
  } else if (takes_argument && !tokens_.at_any_name({"else", "or", "and"})) {
    if (tokens_.at_name("is")) tokens_.fail("You cannot chain multiple tests with is");
    const NestingGuard guard(*this);
    test.arguments.positional = {postfix(primary())};
  }
  const int height = std::max(subject->height, highest(test.arguments));
  Expression* out = finish(make(line, std::move(test), {}), height);
  return negated ? make(line, Unary{Unary::What::kNot, out}, {out}) : out;
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.expect(TokenKind::kName).text;
  while (tokens_.skip_operator(".")) name.append(1, '.').append(tokens_.expect(TokenKind::kName).text);
  return name;
}

ArgumentList ExpressionParser::arguments() {
  const int line = tokens_.current().line;
  const auto ensure = [&](bool holds) {
    if (!holds) tokens_.fail("invalid syntax for function call expression", line);
  };
  tokens_.expect_operator("(");
  ArgumentList out;
  bool needs_comma = false;
  while (!tokens_.at_operator(")")) {
    if (needs_comma) {
      tokens_.expect_operator(",");
      if (tokens_.at_operator(")")) break;
    }
    needs_comma = true;
    if (tokens_.skip_operator("*")) {
      ensure(out.more_positional == nullptr && out.more_named == nullptr);
      out.more_positional = expression();
    } else if (tokens_.skip_operator("**")) {
      ensure(out.more_named == nullptr);
      out.more_named = expression();
    } else if (tokens_.at(TokenKind::kName) && tokens_.ahead().is_operator("=")) {
      ensure(out.more_named == nullptr);
      const Str* name = tree_.intern(tokens_.next().text);
      tokens_.skip();
      for (const auto& [other, value] : out.named) {
        if (other->view() == name->view())
          tokens_.fail(fmt::format("keyword argument repeated: {}", name->view()), line);
      }
      if (out.named.size() >= 255) tokens_.fail("more than 255 keyword arguments", line);
      out.named.emplace_back(name, expression());
    } else {
      ensure(out.more_positional == nullptr && out.more_named == nullptr && out.named.empty());
      out.positional.push_back(expression());
    }
  }
  tokens_.expect_operator(")");
  return out;
}

const Str* ExpressionParser::target_name() {
  const Token token = tokens_.expect(TokenKind::kName);
  static constexpr std::string_view kReserved[] = {"true", "false", "none", "True", "False", "None"};
  if (std::ranges::find(kReserved, token.text) != std::end(kReserved)) {
    tokens_.fail("can't assign to 'const'", token.line);
  }
  return tree_.intern(token.text);
}

Target ExpressionParser::target(std::string_view end_name, bool with_attribute) {
  std::vector<Target> parts;
  bool is_tuple = false;
  for (;;) {
    if (!parts.empty()) tokens_.expect_operator(",");
    if (tokens_.at(TokenKind::kBlockEnd) || tokens_.at(TokenKind::kVariableEnd) || tokens_.at_operator(")") ||
        (!end_name.empty() && tokens_.at_name(end_name))) {
      break;
    }
    parts.push_back(simple_target(with_attribute));
    if (!tokens_.at_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (parts.empty())
      tokens_.fail(fmt::format("Expected an expression, got {}", quoted(describe(tokens_.current()))));
    return std::move(parts[0]);
  }
  Target out;
  out.what = Target::What::kTuple;
  out.parts = std::move(parts);
  return out;
}

Target ExpressionParser::simple_target(bool with_attribute) {
  const NestingGuard guard(*this);
  if (tokens_.skip_operator("(")) {
    Target out = target({}, false);
    tokens_.expect_operator(")");
    return out;
  }
  if (!tokens_.at(TokenKind::kName)) {
    tokens_.fail("can't assign to 'const'");
  }
  Target out;
  out.name = target_name();
  if (with_attribute && tokens_.skip_operator(".")) {
    out.what = Target::What::kAttribute;
    out.attribute = tree_.intern(tokens_.expect(TokenKind::kName).text);
  }
  return out;
}

template <class Form>
Expression* ExpressionParser::make(int line, Form form, std::initializer_list<const Expression*> children) {
  Expression& out = tree_.expressions.emplace_back();
  out.line = line;
  out.form = std::move(form);
  int height = 0;
  for (const Expression* child : children) height = std::max(height, child == nullptr ? 0 : child->height);
  return finish(&out, height);
}

Expression* ExpressionParser::finish(Expression* node, int height) {
  node->height = height + 1;
  if (node->height > kMaxTreeHeight) {
    tokens_.fail(fmt::format("an expression is more than {} operations deep", kMaxTreeHeight), node->line);
  }
  return node;
}

}  // namespace atelier::text::jinja
