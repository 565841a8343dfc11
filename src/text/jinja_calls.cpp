#include <algorithm>

#include "text/jinja_interpreter.h"
#include "text/jinja_macro.h"
#include "text/jinja_methods.h"
#include "text/jinja_operations.h"

namespace atelier::text::jinja {

void Interpreter::evaluate_arguments(const ArgumentList& list, Evaluated& out) {
  for (const Expression* item : list.positional) out.positional.push_back(evaluate(item));
  if (list.more_positional != nullptr) {
    const Value more = evaluate(list.more_positional);
    if (!is_iterable(more)) {
      raise(ErrorKind::kType, "Value after * must be an iterable, not {}", type_name(more));
    }
    for (const Value& item : collect(runtime_, more)) out.positional.push_back(item);
  }
  for (const auto& [name, value] : list.named) out.named.push_back({name, evaluate(value)});
  if (list.more_named == nullptr) return;
  const Value more = evaluate(list.more_named);
  if (!more.is(Kind::kDict)) {
    if (more.is_undefined()) raise_undefined(*more.undefined);
    raise(ErrorKind::kType, "argument after ** must be a mapping, not {}", type_name(more));
  }
  for (const Entry& entry : more.dict->span()) {
    if (!entry.key.is_string()) raise(ErrorKind::kType, "keywords must be strings");
    if (out.view().find(entry.key.string->view()) != nullptr) {
      raise(ErrorKind::kType, "got multiple values for keyword argument {}",
            quoted(entry.key.string->view()));
    }
    runtime_.step(static_cast<std::int64_t>(1 + out.named.size() / 16));
    out.named.push_back({entry.key.string, entry.value});
  }
}

Value Interpreter::call(const Value& callee, const CallArguments& arguments) {
  switch (callee.kind) {
    case Kind::kFunction:
      return callee.function->call(runtime_, arguments);
    case Kind::kMethod:
      return call_method(runtime_, *callee.method, arguments);
    case Kind::kMacro:
      return call_macro(*callee.macro, arguments);
    case Kind::kBlock:
      return call_block(*callee.block);
    case Kind::kJoiner:
      if (std::exchange(callee.joiner->used, true)) return callee.joiner->separator;
      return Value(runtime_.borrow(""));
    case Kind::kLoop: {
      const Loop& loop = *callee.loop;
      if (loop.recursion == nullptr) {
        raise(ErrorKind::kType, "The loop must have the 'recursive' marker to be called recursively.");
      }
      if (arguments.positional.size() != 1 || !arguments.named.empty()) {
        raise(ErrorKind::kType, "LoopContext.__call__() takes 2 positional arguments but {} were given",
              arguments.positional.size() + 1);
      }
      return render_recursive(*loop.recursion, arguments.positional[0], loop.depth0 + 1, loop.activation);
    }
    case Kind::kUndefined:
      raise_undefined(*callee.undefined);
    default:
      raise(ErrorKind::kType, "'{}' object is not callable", type_name(callee));
  }
}

Value Interpreter::call_macro(const Macro& macro, const CallArguments& arguments) {
  const Depth depth(*this, Depth::Of::kCall);
  const int line = line_;
  Activation* const activation = activate(macro.node->function, macro.closure);
  bind(macro, arguments, activation);
  Activation* const before = std::exchange(activation_, activation);
  enter(macro.node->frame, activation);
  for (const auto& parameter : macro.node->parameters) {
    Value& value = activation->slots[parameter.slot];
    if (!value.is_missing()) continue;
    if (parameter.absent != nullptr) {
      value = evaluate(parameter.absent);
    } else {
      value = runtime_.undefined_hint(
          fmt::format("parameter {} was not provided", quoted(parameter.name->view())));
    }
  }
  std::string buffer;
  std::string* const out = std::exchange(out_, &buffer);
  run(macro.node->body);
  out_ = out;
  activation_ = before;
  line_ = line;
  return Value(runtime_.text(buffer, runtime_.autoescape));
}

// Python's binding, with Jinja2's three special names: caller, kwargs, varargs.
void Interpreter::bind(const Macro& macro, const CallArguments& arguments, Activation* activation) {
  const MacroNode& node = *macro.node;
  const std::string name = macro.name == nullptr ? "None" : quoted(macro.name->view());
  const std::size_t expected = node.parameters.size();
  const std::size_t by_position = std::min(arguments.positional.size(), expected);
  std::vector<Keyword> rest(arguments.named.begin(), arguments.named.end());
  const auto take = [&](std::string_view wanted) {
    const auto found = std::ranges::find_if(rest, [&](const Keyword& k) { return k.name->view() == wanted; });
    if (found == rest.end()) return Value();
    const Value out = found->value;
    rest.erase(found);
    return out;
  };
  for (std::size_t i = 0; i < by_position; ++i) {
    activation->slots[node.parameters[i].slot] = arguments.positional[i];
  }
  for (std::size_t i = by_position; i < expected; ++i) {
    activation->slots[node.parameters[i].slot] = take(node.parameters[i].name->view());
  }
  if (node.uses_caller && !node.has_caller_parameter) {
    Value caller = take("caller");
    if (caller.is_missing() || caller.is_none()) caller = runtime_.undefined_hint("No caller defined");
    activation->slots[node.caller_slot] = caller;
  }
  if (node.uses_kwargs) {
    std::vector<Entry> entries;
    for (const Keyword& keyword : rest) entries.push_back({Value(keyword.name), keyword.value});
    activation->slots[node.kwargs_slot] = Value(runtime_.dict(entries));
  } else if (!rest.empty()) {
    const bool twice = std::ranges::any_of(rest, [](const Keyword& k) { return k.name->view() == "caller"; });
    if (twice) {
      raise(
          ErrorKind::kType,
          "macro {} was invoked with two values for the special caller argument. This is most likely a bug.",
          name);
    }
    raise(ErrorKind::kType, "macro {} takes no keyword argument {}", name, quoted(rest[0].name->view()));
  }
  if (node.uses_varargs) {
    activation->slots[node.varargs_slot] = runtime_.tuple(arguments.positional.subspan(by_position));
  } else if (arguments.positional.size() > expected) {
    raise(ErrorKind::kType, "macro {} takes not more than {} argument(s)", name, expected);
  }
}

Value Interpreter::call_block(const BlockReference& block) {
  std::string buffer;
  std::string* const out = std::exchange(out_, &buffer);
  run_block(*block.node);
  out_ = out;
  return Value(runtime_.text(buffer, runtime_.autoescape));
}

Interpreter::Flow Interpreter::run_block(const BlockNode& node) {
  const Depth depth(*this, Depth::Of::kCall);
  Activation* const before = std::exchange(activation_, activate(node.function, nullptr));
  if (node.uses_self) activation_->slots[node.self_slot] = Value::self();
  if (node.uses_super) {
    activation_->slots[node.super_slot] =
        runtime_.undefined_hint(fmt::format("there is no parent block called {}.", quoted(node.name)));
  }
  enter(node.frame, activation_);
  const Flow flow = run(node.body);
  activation_ = before;
  return flow;
}

}  // namespace atelier::text::jinja
