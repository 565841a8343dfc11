#include <algorithm>

#include "text/jinja_interpreter.h"
#include "text/jinja_operations.h"

namespace atelier::text::jinja {

Value Interpreter::evaluate(const Expression* node) {
  const Depth depth(*this, Depth::Of::kNode);
  runtime_.step();
  return std::visit([this](const auto& form) { return compute(form); }, node->form);
}

Value Interpreter::compute(const Name& node) {
  const Value& value = *slot(node.place);
  return value.is_missing() ? runtime_.undefined_name(node.name) : value;
}

Value Interpreter::compute(const Unary& node) {
  const Value operand = evaluate(node.operand);
  switch (node.what) {
    case Unary::What::kNegate:
      return negate(runtime_, operand);
    case Unary::What::kPlus:
      return plus(runtime_, operand);
    case Unary::What::kNot:
      return Value(!truth(runtime_, operand));
  }
  return Value();
}

Value Interpreter::compute(const Binary& node) {
  const Value left = evaluate(node.left);
  const Value right = evaluate(node.right);
  return apply(runtime_, node.operation, left, right);
}

Value Interpreter::compute(const Logic& node) {
  const Value left = evaluate(node.left);
  return truth(runtime_, left) == node.is_and ? evaluate(node.right) : left;
}

Value Interpreter::compute(const Compare& node) {
  Value left = evaluate(node.first);
  for (const auto& [operation, operand] : node.rest) {
    const Value right = evaluate(operand);
    if (!compare(runtime_, operation, left, right)) return Value(false);
    left = right;
  }
  return Value(true);
}

Value Interpreter::compute(const Concatenation& node) {
  std::vector<Value> parts;
  parts.reserve(node.parts.size());
  for (const Expression* part : node.parts) parts.push_back(evaluate(part));
  const auto is_markup = [](const Value& value) { return value.is_string() && value.string->markup; };
  const bool markup = runtime_.autoescape && std::ranges::any_of(parts, is_markup);
  const Str* out = markup ? escape(runtime_, parts[0]) : to_str(runtime_, parts[0]);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Str* part = markup ? escape(runtime_, parts[i]) : soft_str(runtime_, parts[i]);
    out = runtime_.concatenate(*out, part->view(), markup);
  }
  return Value(out);
}

Value Interpreter::compute(const Conditional& node) {
  if (truth(runtime_, evaluate(node.test))) return evaluate(node.when_true);
  if (node.when_false != nullptr) return evaluate(node.when_false);
  return runtime_.undefined_hint(
      fmt::format("the inline if-expression on line {} evaluated to false and no else section was defined.",
                  node.test->line));
}

Value Interpreter::compute(const Attribute& node) {
  return get_attribute(runtime_, evaluate(node.owner), node.name);
}

Value Interpreter::compute(const Item& node) {
  const Value owner = evaluate(node.owner);
  return get_item(runtime_, owner, evaluate(node.key));
}

Value Interpreter::compute(const Slice& node) {
  const Value owner = evaluate(node.owner);
  const auto bound = [this](const Expression* part) {
    return part == nullptr ? Value::none() : evaluate(part);
  };
  const Value start = bound(node.start), stop = bound(node.stop), step = bound(node.step);
  return get_slice(runtime_, owner, start, stop, step);
}

Value Interpreter::compute(const ListLiteral& node) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const Expression* item : node.items) items.push_back(evaluate(item));
  return runtime_.list(items);
}

Value Interpreter::compute(const TupleLiteral& node) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const Expression* item : node.items) items.push_back(evaluate(item));
  return runtime_.tuple(items);
}

Value Interpreter::compute(const DictLiteral& node) {
  std::vector<Entry> entries;
  entries.reserve(node.entries.size());
  for (const auto& [key, value] : node.entries) {
    const Value made_key = evaluate(key);
    entries.push_back({made_key, evaluate(value)});
  }
  return Value(runtime_.dict(entries));
}

Value Interpreter::compute(const Call& node) {
  const Value callee = evaluate(node.callee);
  Evaluated arguments;
  evaluate_arguments(node.arguments, arguments);
  return call(callee, arguments.view());
}

Value Interpreter::compute(const Filter& node) {
  return apply_filter(node, evaluate(node.subject), false);
}

Value Interpreter::apply_filter(const Filter& node, const Value& subject, bool of_block) {
  if (node.entry == nullptr) {
    raise(ErrorKind::kRuntime, "No {} named {} found.", node.is_test ? "test" : "filter",
          quoted(node.name->view()));
  }
  // A block's filters: the innermost works on the block's text.
  const auto* inner = node.subject == nullptr ? nullptr : std::get_if<Filter>(&node.subject->form);
  Evaluated arguments;
  arguments.positional.push_back(of_block && inner != nullptr ? apply_filter(*inner, subject, true)
                                                              : subject);
  evaluate_arguments(node.arguments, arguments);
  return call_filter(runtime_, *node.entry, arguments.view());
}

Value* Interpreter::slot(Place place) const {
  Activation* at = activation_;
  for (std::uint32_t i = 0; i < place.hops; ++i) at = at->parent;
  return &at->slots[place.slot];
}

}  // namespace atelier::text::jinja
