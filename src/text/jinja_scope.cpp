#include "text/jinja_scope.h"

#include "text/jinja_symbols.h"

namespace atelier::text::jinja {

namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

template <class Visit>
void for_each_argument(const ArgumentList& list, Visit visit) {
  for (Expression* item : list.positional) visit(item);
  for (const auto& [name, value] : list.named) visit(value);
  visit(list.more_positional);
  visit(list.more_named);
}

// visit(child) for every direct child; some are nullptr.
template <class Visit>
void for_each_child(Expression& node, Visit visit) {
  std::visit(Overloaded{
                 [](Constant&) {},
                 [](Name&) {},
                 [&](Unary& e) { visit(e.operand); },
                 [&](Binary& e) { visit(e.left), visit(e.right); },
                 [&](Logic& e) { visit(e.left), visit(e.right); },
                 [&](Compare& e) {
                   visit(e.first);
                   for (auto& [operation, operand] : e.rest) visit(operand);
                 },
                 [&](Concatenation& e) {
                   for (Expression* part : e.parts) visit(part);
                 },
                 [&](Conditional& e) { visit(e.test), visit(e.when_true), visit(e.when_false); },
                 [&](Attribute& e) { visit(e.owner); },
                 [&](Item& e) { visit(e.owner), visit(e.key); },
                 [&](Slice& e) { visit(e.owner), visit(e.start), visit(e.stop), visit(e.step); },
                 [&](ListLiteral& e) {
                   for (Expression* item : e.items) visit(item);
                 },
                 [&](TupleLiteral& e) {
                   for (Expression* item : e.items) visit(item);
                 },
                 [&](DictLiteral& e) {
                   for (auto& [key, value] : e.entries) visit(key), visit(value);
                 },
                 [&](Call& e) {
                   visit(e.callee);
                   for_each_argument(e.arguments, visit);
                 },
                 [&](Filter& e) {
                   visit(e.subject);
                   for_each_argument(e.arguments, visit);
                 },
             },
             node.form);
}

// First pass over one frame: which names it reads and assigns. Stops where an inner frame begins.
class Analyser {
 public:
  explicit Analyser(Symbols& symbols) : symbols_(symbols) {}

  void expression(Expression* node) {
    if (node == nullptr) return;
    if (auto* name = std::get_if<Name>(&node->form)) symbols_.load(name->name);
    for_each_child(*node, [this](Expression* child) { expression(child); });
  }

  void target(const Target& target) {
    for (const Target& part : target.parts) this->target(part);
    if (target.what == Target::What::kName) symbols_.store(target.name);
    if (target.what == Target::What::kAttribute) symbols_.load(target.name);
  }

  void parameters(const Target& target) {
    for (const Target& part : target.parts) parameters(part);
    if (target.what == Target::What::kName) symbols_.declare(target.name);
  }

  void body(const Body& body) {
    for (const Statement* node : body) statement(const_cast<Statement&>(*node));
  }

 private:
  void statement(Statement& node) {
    std::visit(Overloaded{
                   [&](Output& s) {
                     for (Expression* part : s.parts) expression(part);
                   },
                   [&](If& s) { chain(s); },
                   [&](For& s) { expression(s.iterable); },
                   [&](Set& s) {
                     expression(s.value);
                     target(s.target);
                   },
                   [&](SetBlock& s) { target(s.target); },
                   [&](DefineMacro& s) { symbols_.store(s.macro.name); },
                   [&](CallBlock& s) { expression(s.call); },
                   [&](FilterBlock& s) { expression(s.filter); },
                   [&](With& s) {
                     for (auto& [target, value] : s.values) expression(value);
                   },
                   [](auto&) {},
               },
               node.form);
  }

  void chain(If& node) {
    const std::size_t before = symbols_.stored_so_far();
    for (auto& branch : node.branches) {
      expression(branch.test);
      body(branch.body);
    }
    body(node.otherwise);
    symbols_.merge_branches(before);
  }

  Symbols& symbols_;
};

// What the second pass knows of the frame it is in.
struct Around {
  Symbols* symbols;
  FunctionScope* function;
  bool toplevel = false;
  bool soft = false;  // inside an if: unknown filters are found out only when reached
};

// Second pass: places, frame by frame from the outside in.
class Placer {
 public:
  explicit Placer(Tree& tree) : tree_(tree) {}

  void run() {
    FunctionScope function{tree_.function, 0};
    Symbols symbols(nullptr, function);
    if (tree_.uses_self) tree_.self_slot = symbols.declare(tree_.intern("self"));
    Analyser(symbols).body(tree_.body);
    body(tree_.body, {&symbols, &function, true, false});
    tree_.frame = symbols.frame(tree_);
    for (BlockNode& block : tree_.block_nodes) {
      place_block(block);
      tree_.blocks.push_back({block.name, &block});
    }
  }

 private:
  void body(const Body& nodes, Around around) {
    for (const Statement* node : nodes) statement(const_cast<Statement&>(*node), around);
  }

  void statement(Statement& node, Around around) {
    std::visit(Overloaded{
                   [&](Output& s) {
                     for (Expression* part : s.parts) expression(part, around);
                   },
                   [&](If& s) {
                     around.soft = true;
                     for (auto& branch : s.branches) {
                       expression(branch.test, around);
                       body(branch.body, around);
                     }
                     body(s.otherwise, around);
                   },
                   [&](For& s) { for_loop(s, around); },
                   [&](Set& s) {
                     expression(s.value, around);
                     target(s.target, around);
                   },
                   [&](SetBlock& s) { set_block(s, around); },
                   [&](DefineMacro& s) {
                     macro(s.macro, around);
                     target(s.target, around);
                   },
                   [&](CallBlock& s) {
                     macro(s.macro, around);
                     expression(s.call, around);
                   },
                   [&](Generation& s) { macro(s.macro, around); },
                   [&](FilterBlock& s) {
                     Symbols symbols(around.symbols, *around.function);
                     Analyser(symbols).expression(s.filter);
                     Analyser(symbols).body(s.body);
                     const Around inside{&symbols, around.function};
                     body(s.body, inside);
                     expression(s.filter, inside);
                     s.frame = symbols.frame(tree_);
                   },
                   [&](With& s) { with(s, around); },
                   [&](AutoEscape& s) {
                     Symbols symbols(around.symbols, *around.function);
                     Analyser(symbols).expression(s.enabled);
                     Analyser(symbols).body(s.body);
                     const Around inside{&symbols, around.function};
                     expression(s.enabled, inside);
                     body(s.body, inside);
                     s.frame = symbols.frame(tree_);
                   },
                   [&](BlockUse& s) { block_use(s, around); },
                   [](auto&) {},
               },
               node.form);
  }

  void for_loop(For& node, Around around) {
    FunctionScope loop_function{node.recursive_function, around.function->depth + 1};
    FunctionScope& function = node.recursive ? loop_function : *around.function;
    Symbols symbols(around.symbols, function);
    if (node.uses_loop) node.loop_slot = symbols.declare(tree_.intern("loop"));
    Analyser(symbols).parameters(node.target);
    Analyser(symbols).body(node.body);
    const Around inside{&symbols, &function};
    if (node.test != nullptr) {
      FunctionScope test_function{node.test_function, around.function->depth + 1};
      Symbols test_symbols(around.symbols, test_function);
      Analyser(test_symbols).parameters(node.test_target);
      Analyser(test_symbols).expression(node.test);
      const Around testing{&test_symbols, &test_function};
      target(node.test_target, testing);
      expression(node.test, testing);
      node.test_frame = test_symbols.frame(tree_);
    }
    expression(node.iterable, around);
    target(node.target, inside);
    body(node.body, inside);
    node.frame = symbols.frame(tree_);
    Symbols else_symbols(around.symbols, function);
    Analyser(else_symbols).body(node.otherwise);
    body(node.otherwise, {&else_symbols, &function});
    node.else_frame = else_symbols.frame(tree_);
  }

  void set_block(SetBlock& node, Around around) {
    Symbols symbols(around.symbols, *around.function);
    Analyser(symbols).body(node.body);
    Analyser(symbols).expression(node.filter);
    const Around inside{&symbols, around.function};
    body(node.body, inside);
    expression(node.filter, inside);
    node.frame = symbols.frame(tree_);
    target(node.target, around);
  }

  void with(With& node, Around around) {
    Symbols symbols(around.symbols, *around.function);
    for (auto& [target, value] : node.values) Analyser(symbols).parameters(target);
    Analyser(symbols).body(node.body);
    const Around inside{&symbols, around.function};
    for (auto& [target, value] : node.values) {
      this->target(target, inside);
      expression(value, around);
    }
    body(node.body, inside);
    node.frame = symbols.frame(tree_);
  }

  void macro(MacroNode& node, Around around) {
    FunctionScope function{node.function, around.function->depth + 1};
    Symbols symbols(around.symbols, function);
    for (auto& parameter : node.parameters) parameter.slot = symbols.declare(parameter.name);
    if (node.uses_caller && !node.has_caller_parameter)
      node.caller_slot = symbols.declare(tree_.intern("caller"));
    if (node.uses_kwargs) node.kwargs_slot = symbols.declare(tree_.intern("kwargs"));
    if (node.uses_varargs) node.varargs_slot = symbols.declare(tree_.intern("varargs"));
    Analyser analyser(symbols);
    for (auto& parameter : node.parameters) analyser.expression(parameter.absent);
    analyser.body(node.body);
    const Around inside{&symbols, &function};
    for (auto& parameter : node.parameters) expression(parameter.absent, inside);
    body(node.body, inside);
    node.frame = symbols.frame(tree_);
  }

  // A block sees the context only, wherever it stands.
  void place_block(BlockNode& node) {
    FunctionScope function{node.function, 0};
    Symbols symbols(nullptr, function);
    if (node.uses_self) node.self_slot = symbols.declare(tree_.intern("self"));
    if (node.uses_super) node.super_slot = symbols.declare(tree_.intern("super"));
    Analyser(symbols).body(node.body);
    body(node.body, {&symbols, &function});
    node.frame = symbols.frame(tree_);
  }

  void block_use(BlockUse& node, Around around) {
    if (!node.scoped) return;
    std::unordered_set<std::string_view> seen;
    for (const Symbols* at = around.symbols; at != nullptr; at = at->parent()) {
      for (const Str* name : at->stored()) {
        if (!seen.insert(name->view()).second) continue;
        const Place place = around.symbols->place(around.symbols->find(name->view()));
        node.visible.emplace_back(global_number(tree_, name), place);
      }
    }
  }

  void target(Target& target, Around around) {
    for (Target& part : target.parts) this->target(part, around);
    if (target.what == Target::What::kTuple) return;
    target.place = find(target.name, around);
    if (around.toplevel && target.what == Target::What::kName) {
      target.is_exported = true;
      target.global = global_number(tree_, target.name);
    }
  }

  void expression(Expression* node, Around around) {
    if (node == nullptr) return;
    if (auto* name = std::get_if<Name>(&node->form)) {
      name->place = find(name->name, around);
      return;
    }
    if (std::holds_alternative<Conditional>(node->form)) around.soft = true;
    if (const auto* filter = std::get_if<Filter>(&node->form);
        filter != nullptr && filter->entry == nullptr && !around.soft) {
      throw Error{
          ErrorKind::kSyntax,
          fmt::format("No {} named {}.", filter->is_test ? "test" : "filter", quoted(filter->name->view())),
          node->line};
    }
    for_each_child(*node, [&](Expression* child) { expression(child, around); });
  }

  Place find(const Str* name, Around around) {
    around.symbols->load(name);
    return around.symbols->place(around.symbols->find(name->view()));
  }

  Tree& tree_;
};

}  // namespace

void place_names(Tree& tree) {
  Placer(tree).run();
}

}  // namespace atelier::text::jinja
