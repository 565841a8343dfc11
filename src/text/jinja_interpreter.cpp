#include "text/jinja_interpreter.h"

#include "text/jinja_globals.h"
#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

// Evaluations inside each other. One takes about 300 bytes of stack (1.5 KB under the sanitizers).
constexpr int kMaxNodeDepth = 2000;

// The items of `for … if test`, each tested when it is asked for.
struct TestedIterator final : Iterator {
  TestedIterator(Interpreter& of, const For& node, const Value& all, Activation* outside)
      : interpreter(of), loop(node), iterable(all), around(outside) {}

  bool next(Runtime& runtime, Value& out) override {
    const IteratorNesting nesting(runtime);
    if (source == nullptr) {
      activation = interpreter.activate(loop.test_function, around);
      interpreter.enter(loop.test_frame, activation);
      source = iterate(runtime, iterable);
    }
    while (source->next(runtime, out)) {
      runtime.step();
      if (interpreter.passes_test(loop, activation, out)) return true;
    }
    return false;
  }

  Interpreter& interpreter;
  const For& loop;
  Value iterable;
  Activation* around;
  Activation* activation = nullptr;
  Iterator* source = nullptr;
};

}  // namespace

Interpreter::Depth::Depth(Interpreter& interpreter, Of of)
    : counter_(of == Of::kNode ? interpreter.node_depth_ : interpreter.call_depth_) {
  const int limit = of == Of::kNode ? kMaxNodeDepth : interpreter.runtime_.budget().depth;
  if (counter_ >= limit) raise(ErrorKind::kLimit, "maximum recursion depth exceeded: {}", limit);
  ++counter_;
}

Interpreter::Interpreter(const Tree& tree, Runtime& runtime, const boost::json::object& context)
    : tree_(tree), runtime_(runtime), globals_(tree.globals.size()) {
  for (std::size_t i = 0; i < globals_.size(); ++i) {
    const std::string_view name = tree.globals[i]->view();
    if (const auto* found = context.if_contains(name)) {
      globals_[i] = runtime.from_json(*found);
    } else if (const Function* function = find_global(name)) {
      globals_[i] = Value(function);
    }
  }
  runtime.blocks = tree.blocks;
}

std::string Interpreter::render() {
  std::string out;
  out_ = &out;
  activation_ = activate(tree_.function, nullptr);
  if (tree_.uses_self) activation_->slots[tree_.self_slot] = Value::self();
  enter(tree_.frame, activation_);
  run(tree_.body);
  return out;
}

bool Interpreter::passes_test(const For& loop, Activation* activation, Value& item) {
  Activation* const before = std::exchange(activation_, activation);
  assign(loop.test_target, item);
  const bool out = truth(runtime_, evaluate(loop.test));
  if (loop.test_target.what == Target::What::kTuple && !item.is(Kind::kTuple)) {
    item = runtime_.tuple(collect(runtime_, item));
  }
  activation_ = before;
  return out;
}

Activation* Interpreter::activate(const FunctionShape& shape, Activation* parent) {
  runtime_.step(1 + shape.slot_count / 4);
  return runtime_.arena().create<Activation>(parent,
                                             runtime_.arena().create_array<Value>(shape.slot_count).data());
}

void Interpreter::enter(const Frame& frame, Activation* activation) {
  Activation* const before = std::exchange(activation_, activation);
  for (const Load& load : frame.loads) {
    switch (load.from) {
      case Load::From::kContext:
        activation->slots[load.slot] = globals_[load.global];
        break;
      case Load::From::kOuter:
        activation->slots[load.slot] = *slot(load.outer);
        break;
      case Load::From::kNothing:
        activation->slots[load.slot] = Value();
        break;
    }
  }
  activation_ = before;
}

void Interpreter::leave(const Frame& frame) {
  for (const std::uint32_t slot : frame.slots) activation_->slots[slot] = Value();
}

Interpreter::Flow Interpreter::run(const Body& body) {
  for (const Statement* statement : body) {
    const Flow flow = run(*statement);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::run(const Statement& statement) {
  const Depth depth(*this, Depth::Of::kNode);
  runtime_.step();
  line_ = statement.line;
  return std::visit([this](const auto& form) { return execute(form); }, statement.form);
}

Interpreter::Flow Interpreter::execute(const Output& node) {
  for (const Expression* part : node.parts) {
    line_ = part->line;
    if (const auto* constant = std::get_if<Constant>(&part->form);
        constant != nullptr && constant->value.is_string()) {
      runtime_.step();
      write(constant->value.string->view());
    } else {
      write(evaluate(part));
    }
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const If& node) {
  for (const auto& branch : node.branches) {
    if (truth(runtime_, evaluate(branch.test))) return run(branch.body);
  }
  return run(node.otherwise);
}

Interpreter::Flow Interpreter::execute(const For& node) {
  const Value iterable = evaluate(node.iterable);
  if (!node.recursive) return run_loop(node, iterable, 0, activation_);
  write(render_recursive(node, iterable, 0, activation_));
  return Flow::kNormal;
}

// `around`: the variables outside the loop, where its test looks for names.
Interpreter::Flow Interpreter::run_loop(const For& node, const Value& iterable, std::int64_t depth0,
                                        Activation* around) {
  Value items = iterable;
  if (node.test != nullptr) {
    items =
        Value(static_cast<Iterator*>(runtime_.arena().create<TestedIterator>(*this, node, iterable, around)));
  }
  Iterator* source = iterate(runtime_, items);
  Loop* loop = nullptr;
  if (node.uses_loop) {
    loop = runtime_.arena().create<Loop>(source, items, depth0, node.recursive ? &node : nullptr, around);
    activation_->slots[node.loop_slot] = Value();
  }
  bool finished_one = false;
  for (Value item; loop != nullptr ? loop->advance(runtime_, item) : source->next(runtime_, item);) {
    runtime_.step();
    assign(node.target, item);
    if (loop != nullptr) activation_->slots[node.loop_slot] = Value(loop);
    enter(node.frame, activation_);
    const Flow flow = run(node.body);
    if (flow == Flow::kBreak) break;
    if (flow == Flow::kNormal) finished_one = true;
  }
  leave(node.frame);
  if (node.has_else && !finished_one) {  // also after a break or nothing but continues: as Jinja2 has it
    enter(node.else_frame, activation_);
    const Flow flow = run(node.otherwise);
    leave(node.else_frame);
    return flow;
  }
  return Flow::kNormal;
}

Value Interpreter::render_recursive(const For& node, const Value& iterable, std::int64_t depth0,
                                    Activation* around) {
  const Depth depth(*this, Depth::Of::kCall);
  Activation* const before = std::exchange(activation_, activate(node.recursive_function, around));
  Value text;
  capture(text, [&] { return run_loop(node, iterable, depth0, around); });
  activation_ = before;
  return text;
}

Interpreter::Flow Interpreter::execute(const Set& node) {
  if (node.target.what == Target::What::kAttribute && !slot(node.target.place)->is(Kind::kNamespace)) {
    raise(ErrorKind::kRuntime, "cannot assign attribute on non-namespace object");
  }
  assign(node.target, evaluate(node.value));
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const SetBlock& node) {
  enter(node.frame, activation_);
  Value text;
  const Flow flow = capture(text, [&] { return run(node.body); });
  if (flow != Flow::kNormal) return flow;
  if (node.filter != nullptr) text = apply_filter(std::get<Filter>(node.filter->form), text, true);
  leave(node.frame);
  assign(node.target, text);
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const DefineMacro& node) {
  assign(node.target, Value(static_cast<const Macro*>(
                          runtime_.arena().create<Macro>(node.macro.name, &node.macro, activation_))));
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const CallBlock& node) {
  const auto* caller = runtime_.arena().create<Macro>(nullptr, &node.macro, activation_);
  const auto& call_node = std::get<Call>(node.call->form);
  const Value callee = evaluate(call_node.callee);
  Evaluated arguments;
  evaluate_arguments(call_node.arguments, arguments);
  static const Str kCaller{"caller", 6, 6};
  arguments.named.push_back({&kCaller, Value(static_cast<const Macro*>(caller))});
  write_text_only(call(callee, arguments.view()));
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const Generation& node) {
  write(call_macro(Macro{nullptr, &node.macro, activation_}, {}));
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const FilterBlock& node) {
  enter(node.frame, activation_);
  Value text;
  const Flow flow = capture(text, [&] { return run(node.body); });
  if (flow != Flow::kNormal) return flow;
  write_text_only(apply_filter(std::get<Filter>(node.filter->form), text, true));
  leave(node.frame);
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const With& node) {
  enter(node.frame, activation_);
  for (const auto& [target, value] : node.values) assign(target, evaluate(value));
  const Flow flow = run(node.body);
  leave(node.frame);
  return flow;
}

Interpreter::Flow Interpreter::execute(const AutoEscape& node) {
  enter(node.frame, activation_);
  const bool before = runtime_.autoescape;
  runtime_.autoescape = truth(runtime_, evaluate(node.enabled));
  const Flow flow = run(node.body);
  runtime_.autoescape = before;
  leave(node.frame);
  return flow;
}

Interpreter::Flow Interpreter::execute(const BlockUse& node) {
  if (node.block->required) raise(ErrorKind::kRuntime, "Required block '{}' not found", node.block->name);
  if (!node.scoped) return run_block(*node.block);
  runtime_.step(static_cast<std::int64_t>(globals_.size() / 8));
  const std::vector<Value> before = globals_;
  for (const auto& [number, place] : node.visible) {
    if (!slot(place)->is_missing()) globals_[number] = *slot(place);
  }
  const Flow flow = run_block(*node.block);
  globals_ = before;
  return flow;
}

Interpreter::Flow Interpreter::execute(const NeedsLoader&) {
  raise(ErrorKind::kType, "no loader for this environment specified");
}

void Interpreter::assign(const Target& target, const Value& value) {
  switch (target.what) {
    case Target::What::kName:
      *slot(target.place) = value;
      if (target.is_exported) globals_[target.global] = value;
      return;
    case Target::What::kAttribute: {
      const Value owner = *slot(target.place);
      if (!owner.is(Kind::kNamespace)) {
        raise(ErrorKind::kRuntime, "cannot assign attribute on non-namespace object");
      }
      return set_attribute(runtime_, *owner.space, target.attribute, value);
    }
    case Target::What::kTuple:
      break;
  }
  if (!is_iterable(value)) raise(ErrorKind::kType, "cannot unpack non-iterable {} object", type_name(value));
  const auto items = collect(runtime_, value);
  if (items.size() < target.parts.size()) {
    raise(ErrorKind::kValue, "not enough values to unpack (expected {}, got {})", target.parts.size(),
          items.size());
  }
  if (items.size() > target.parts.size()) {
    raise(ErrorKind::kValue, "too many values to unpack (expected {})", target.parts.size());
  }
  for (std::size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i]);
}

void Interpreter::write(const Value& value) {
  if (runtime_.autoescape) return write(escape(runtime_, value)->view());
  append_str(runtime_, *out_, value);
}

void Interpreter::write(std::string_view text) {
  runtime_.work(text.size());
  runtime_.check_text_size(out_->size() + text.size());
  *out_ += text;
}

// What call and filter blocks give goes out as it is, and only text can.
void Interpreter::write_text_only(const Value& value) {
  if (!value.is_string()) {
    raise(ErrorKind::kType, "sequence item 0: expected str instance, {} found", type_name(value));
  }
  write(value.string->view());
}

// Runs something that writes, and gives what it wrote as a value.
template <class Run>
Interpreter::Flow Interpreter::capture(Value& text, Run run) {
  std::string buffer;
  std::string* const before = std::exchange(out_, &buffer);
  const Flow flow = run();
  out_ = before;
  text = Value(runtime_.text(buffer, runtime_.autoescape));
  return flow;
}

}  // namespace atelier::text::jinja
