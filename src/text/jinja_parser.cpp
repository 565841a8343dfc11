#include "text/jinja_parser.h"

#include <algorithm>

#include "text/jinja_expression_parser.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

using EndNames = std::vector<std::string_view>;

class Parser {
 public:
  explicit Parser(Tree& tree) : tree_(tree), tokens_(tokenize(tree.source)), expressions_(tokens_, tree) {}

  void run() {
    tree_.body = body({});
    tree_.uses_self = expressions_.mentions.self;
  }

 private:
  // Statements up to a tag named in `ends` (not read), or to the end of the template where there is none.
  Body body(const EndNames& ends);
  // After a tag's own tokens: the end of the tag, then statements up to `ends`.
  Body tag_body(const EndNames& ends);
  // As tag_body, with the one closing tag read too.
  Body closed_body(std::string_view end);
  // As closed_body; what the body mentions is told apart from what stands around it.
  Body watched_body(const EndNames& ends, Mentions& seen);

  void statement(Body& out);
  void dispatch(const Token& tag, Body& out);
  void for_loop(int line, Body& out);
  void if_chain(int line, Body& out);
  void set(int line, Body& out);
  void macro(int line, Body& out);
  void call_block(int line, Body& out);
  void generation(int line, Body& out);
  void filter_block(int line, Body& out);
  void with(int line, Body& out);
  void autoescape(int line, Body& out);
  void block(int line, Body& out);
  void print(int line, Body& out);
  void jump(const Token& tag, Body& out);
  void refused_tag(const Token& tag, Body& out);
  void signature(MacroNode& macro);
  void macro_body(MacroNode& macro, std::string_view end, int line);
  void forbid_loop_target(const Target& target, int line);

  template <class Form>
  Statement& add(int line, Form form, Body& out) {
    Statement& made = tree_.statements.emplace_back();
    made.line = line;
    made.form = std::move(form);
    out.push_back(&made);
    return made;
  }
  Expression* data(const Token& token) {
    Expression& out = tree_.expressions.emplace_back();
    out.line = token.line;
    out.height = 1;
    out.form = Constant{Value(tree_.intern(token.text))};
    return &out;
  }
  [[noreturn]] void fail_open(const std::string* tag, int line) const;

  Tree& tree_;
  TokenStream tokens_;
  ExpressionParser expressions_;
  std::vector<std::string> open_tags_;
  std::vector<EndNames> awaited_;
  int loops_ = 0;           // for statements around
  int jumpable_loops_ = 0;  // of those, in the same function: break and continue may leave them
};

std::string joined_names(const EndNames& names) {
  std::string out;
  for (const auto name : names) out += (out.empty() ? "'" : " or '") + std::string(name) + "'";
  return out;
}

Body Parser::body(const EndNames& ends) {
  Body out;
  std::vector<Expression*> parts;
  int line = 0;
  const auto flush = [&] {
    if (!parts.empty()) add(line, Output{std::exchange(parts, {})}, out);
  };
  if (!ends.empty()) awaited_.push_back(ends);
  while (!tokens_.at(TokenKind::kEnd)) {
    const Token& token = tokens_.current();
    if (parts.empty()) line = token.line;
    if (token.kind == TokenKind::kData) {
      parts.push_back(data(token));
      tokens_.skip();
    } else if (token.kind == TokenKind::kVariableBegin) {
      tokens_.skip();
      parts.push_back(expressions_.tuple());
      tokens_.expect(TokenKind::kVariableEnd);
    } else {
      flush();
      tokens_.skip();
      if (tokens_.at(TokenKind::kName) && std::ranges::find(ends, tokens_.current().text) != ends.end()) {
        awaited_.pop_back();
        return out;
      }
      statement(out);
      tokens_.expect(TokenKind::kBlockEnd);
    }
  }
  flush();
  if (!ends.empty()) fail_open(nullptr, tokens_.current().line);
  return out;
}

Body Parser::tag_body(const EndNames& ends) {
  tokens_.skip_operator(":");
  tokens_.expect(TokenKind::kBlockEnd);
  return body(ends);
}

Body Parser::closed_body(std::string_view end) {
  Body out = tag_body({end});
  tokens_.skip();
  return out;
}

Body Parser::watched_body(const EndNames& ends, Mentions& seen) {
  const Mentions around = std::exchange(expressions_.mentions, {});
  Body out = tag_body(ends);
  seen = expressions_.mentions;
  expressions_.mentions.add(around);
  return out;
}

void Parser::statement(Body& out) {
  if (!tokens_.at(TokenKind::kName)) tokens_.fail("tag name expected");
  if (open_tags_.size() >= static_cast<std::size_t>(kMaxNesting)) {
    tokens_.fail(fmt::format("statements are nested more than {} deep", kMaxNesting));
  }
  const Token tag = tokens_.current();
  open_tags_.push_back(tag.text);
  dispatch(tag, out);
  open_tags_.pop_back();
}

void Parser::dispatch(const Token& tag, Body& out) {
  struct Known {
    std::string_view name;
    void (Parser::*parse)(int line, Body& out);
  };
  static constexpr Known kStatements[] = {
      {"for", &Parser::for_loop},        {"if", &Parser::if_chain},     {"set", &Parser::set},
      {"macro", &Parser::macro},         {"call", &Parser::call_block}, {"generation", &Parser::generation},
      {"filter", &Parser::filter_block}, {"with", &Parser::with},       {"autoescape", &Parser::autoescape},
      {"block", &Parser::block},         {"print", &Parser::print},
  };
  for (const Known& known : kStatements) {
    if (known.name != tag.text) continue;
    tokens_.skip();
    return (this->*known.parse)(tag.line, out);
  }
  if (tag.text == "break" || tag.text == "continue") return jump(tag, out);
  if (tag.text == "include" || tag.text == "import" || tag.text == "from" || tag.text == "extends") {
    return refused_tag(tag, out);
  }
  open_tags_.pop_back();
  fail_open(&tag.text, tag.line);
}

// {% for target in iterable if test recursive %} … {% else %} … {% endfor %}
void Parser::for_loop(int line, Body& out) {
  For loop;
  loop.target = expressions_.target("in", false);
  forbid_loop_target(loop.target, line);
  tokens_.expect_name("in");
  loop.iterable = expressions_.tuple(false, "recursive");
  if (tokens_.skip_name("if")) loop.test = expressions_.expression();
  loop.recursive = tokens_.skip_name("recursive");
  ++loops_;
  ++jumpable_loops_;
  Mentions seen;
  loop.body = watched_body({"endfor", "else"}, seen);
  loop.uses_loop = loop.recursive || seen.loop;
  --jumpable_loops_;
  loop.has_else = tokens_.next().text == "else";
  if (loop.has_else) loop.otherwise = closed_body("endfor");
  --loops_;
  loop.test_target = loop.target;
  add(line, std::move(loop), out);
}

void Parser::if_chain(int line, Body& out) {
  If chain;
  for (;;) {
    Expression* test = expressions_.tuple(false);
    Body taken = tag_body({"elif", "else", "endif"});
    chain.branches.push_back({test, std::move(taken)});
    const Token tag = tokens_.next();
    if (tag.is_name("else")) chain.otherwise = closed_body("endif");
    if (!tag.is_name("elif")) break;
  }
  add(line, std::move(chain), out);
}

void Parser::set(int line, Body& out) {
  const Target target = expressions_.target({}, true);
  if (loops_ > 0) forbid_loop_target(target, line);
  if (tokens_.skip_operator("=")) {
    add(line, Set{target, expressions_.tuple()}, out);
    return;
  }
  Expression* filter = expressions_.filters(nullptr);
  Body body = closed_body("endset");
  add(line, SetBlock{target, filter, std::move(body), {}}, out);
}

void Parser::macro(int line, Body& out) {
  DefineMacro define;
  define.target.name = expressions_.target_name();
  define.macro.name = define.target.name;
  signature(define.macro);
  macro_body(define.macro, "endmacro", line);
  add(line, std::move(define), out);
}

void Parser::call_block(int line, Body& out) {
  CallBlock block;
  if (tokens_.at_operator("(")) signature(block.macro);
  block.call = expressions_.expression();
  if (!std::holds_alternative<Call>(block.call->form)) tokens_.fail("expected call", line);
  macro_body(block.macro, "endcall", line);
  add(line, std::move(block), out);
}

void Parser::generation(int line, Body& out) {
  Generation block;
  macro_body(block.macro, "endgeneration", line);
  add(line, std::move(block), out);
}

void Parser::filter_block(int line, Body& out) {
  FilterBlock block;
  block.filter = expressions_.filters(nullptr, true);
  block.body = closed_body("endfilter");
  add(line, std::move(block), out);
}

void Parser::with(int line, Body& out) {
  With with;
  while (!tokens_.at(TokenKind::kBlockEnd)) {
    if (!with.values.empty()) tokens_.expect_operator(",");
    Target target = expressions_.target({}, false);
    tokens_.expect_operator("=");
    with.values.emplace_back(std::move(target), expressions_.expression());
  }
  with.body = closed_body("endwith");
  add(line, std::move(with), out);
}

void Parser::autoescape(int line, Body& out) {
  AutoEscape scope;
  scope.enabled = expressions_.expression();
  scope.body = closed_body("endautoescape");
  add(line, std::move(scope), out);
}

void Parser::block(int line, Body& out) {
  BlockUse use;
  BlockNode node;
  node.name = tokens_.expect(TokenKind::kName).text;
  use.scoped = tokens_.skip_name("scoped");
  node.required = tokens_.skip_name("required");
  if (tokens_.at_operator("-")) {
    tokens_.fail(
        "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an "
        "underscore instead.");
  }
  const int jumpable = std::exchange(jumpable_loops_, 0);
  const Mentions around = expressions_.mentions;
  Mentions seen;
  node.body = watched_body({"endblock"}, seen);
  expressions_.mentions = around;  // a block stands for itself
  jumpable_loops_ = jumpable;
  tokens_.skip();
  tokens_.skip_name(node.name);
  node.uses_self = seen.self;
  node.uses_super = seen.super;
  for (const BlockNode& other : tree_.block_nodes) {
    if (other.name == node.name) tokens_.fail("block " + quoted(node.name) + " defined twice", line);
  }
  if (tree_.block_nodes.size() >= 1000) tokens_.fail("more than 1000 blocks", line);
  use.block = &tree_.block_nodes.emplace_back(std::move(node));
  if (use.scoped) expressions_.mentions.loop = true;
  add(line, std::move(use), out);
}

void Parser::print(int line, Body& out) {
  Output output;
  while (!tokens_.at(TokenKind::kBlockEnd)) {
    if (!output.parts.empty()) tokens_.expect_operator(",");
    output.parts.push_back(expressions_.expression());
  }
  add(line, std::move(output), out);
}

void Parser::jump(const Token& tag, Body& out) {
  tokens_.skip();
  if (jumpable_loops_ == 0) {
    tokens_.fail(tag.text == "break" ? "'break' outside loop" : "'continue' not properly in loop", tag.line);
  }
  if (tag.text == "break") {
    add(tag.line, Break{}, out);
  } else {
    add(tag.line, Continue{}, out);
  }
}

// Read as far as Jinja2 would; what they need is not there, and that is found out when they are reached.
void Parser::refused_tag(const Token& tag, Body& out) {
  tokens_.skip();
  expressions_.expression();
  while (!tokens_.at(TokenKind::kBlockEnd) && !tokens_.at(TokenKind::kEnd)) tokens_.skip();
  add(tag.line, NeedsLoader{}, out);
}

void Parser::signature(MacroNode& macro) {
  tokens_.expect_operator("(");
  bool has_default = false;
  while (!tokens_.at_operator(")")) {
    if (!macro.parameters.empty()) tokens_.expect_operator(",");
    MacroNode::Parameter parameter{expressions_.target_name(), nullptr};
    if (tokens_.skip_operator("=")) {
      parameter.absent = expressions_.expression();
      has_default = true;
    } else if (has_default) {
      tokens_.fail("non-default argument follows default argument");
    }
    for (const auto& other : macro.parameters) {
      if (other.name->view() == parameter.name->view()) {
        tokens_.fail(fmt::format("duplicate argument {} in function definition", quoted(other.name->view())));
      }
    }
    if (macro.parameters.size() >= 255) tokens_.fail("more than 255 parameters");
    macro.parameters.push_back(parameter);
  }
  tokens_.skip();
}

void Parser::macro_body(MacroNode& macro, std::string_view end, int line) {
  const int jumpable = std::exchange(jumpable_loops_, 0);
  Mentions seen;
  macro.body = watched_body({end}, seen);
  tokens_.skip();
  jumpable_loops_ = jumpable;
  bool has_kwargs = false, has_varargs = false;
  for (const auto& parameter : macro.parameters) {
    const std::string_view name = parameter.name->view();
    has_kwargs = has_kwargs || name == "kwargs";
    has_varargs = has_varargs || name == "varargs";
    if (name != "caller") continue;
    macro.has_caller_parameter = true;
    if (seen.caller && parameter.absent == nullptr) {
      tokens_.fail(
          "When defining macros or call blocks the special \"caller\" argument must be omitted or be "
          "given a default.",
          line);
    }
  }
  macro.uses_caller = seen.caller;
  macro.uses_kwargs = seen.kwargs && !has_kwargs;
  macro.uses_varargs = seen.varargs && !has_varargs;
}

void Parser::forbid_loop_target(const Target& target, int line) {
  for (const Target& part : target.parts) forbid_loop_target(part, line);
  if (target.what == Target::What::kName && target.name->view() == "loop") {
    tokens_.fail("Can't assign to special loop variable in for-loop target", line);
  }
}

// The end of the template, or a tag nobody waits for.
void Parser::fail_open(const std::string* tag, int line) const {
  std::string message =
      tag == nullptr ? "Unexpected end of template." : "Encountered unknown tag " + quoted(*tag) + ".";
  if (!awaited_.empty()) {
    const std::string looking_for = joined_names(awaited_.back());
    const bool expected = tag != nullptr && std::ranges::any_of(awaited_, [&](const EndNames& names) {
                            return std::ranges::find(names, *tag) != names.end();
                          });
    message += expected ? " You probably made a nesting mistake. Jinja is expecting this tag, but currently "
                          "looking for " +
                              looking_for + "."
                        : " Jinja was looking for the following tags: " + looking_for + ".";
  }
  if (!open_tags_.empty()) {
    message += " The innermost block that needs to be closed is " + quoted(open_tags_.back()) + ".";
  }
  tokens_.fail(message, line);
}

}  // namespace

const Str* Tree::intern(std::string text) {
  const std::string& kept = texts.emplace_back(std::move(text));
  const auto size = static_cast<std::uint32_t>(kept.size());
  return &strings.emplace_back(
      Str{kept.data(), size, static_cast<std::uint32_t>(count_code_points(kept)), false});
}

std::unique_ptr<Tree> parse(std::string source) {
  if (source.size() > kMaxSource) {
    raise(ErrorKind::kLimit, "the template has {} bytes; the limit is {}", source.size(), kMaxSource);
  }
  if (const std::size_t bad = find_invalid_utf8(source); bad != std::string::npos) {
    raise(ErrorKind::kSyntax, "the template is no valid UTF-8 at byte {}", bad);
  }
  auto tree = std::make_unique<Tree>();
  tree->source = std::move(source);
  Parser(*tree).run();
  return tree;
}

}  // namespace atelier::text::jinja
