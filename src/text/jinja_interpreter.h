// An Interpreter renders one Tree once: it walks the statements, keeps the variables and writes the output.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "text/jinja_loop.h"
#include "text/jinja_nodes.h"
#include "text/jinja_runtime.h"

namespace atelier::text::jinja {

// The variables of one call of a body; lives in the arena, so closures may keep it.
struct Activation {
  Activation* parent;
  Value* slots;
};

// One thread, one rendering.
class Interpreter {
 public:
  // `context` outlives the rendering: texts in it are not copied.
  Interpreter(const Tree& tree, Runtime& runtime, const boost::json::object& context);

  std::string render();               // may throw Error
  int line() const { return line_; }  // where it was last

  // For the iterator that filters a loop's items: assigns the item and tests it.
  bool passes_test(const For& loop, Activation* activation, Value& item);
  Activation* activate(const FunctionShape& shape, Activation* parent);
  void enter(const Frame& frame, Activation* activation);

 private:
  enum class Flow { kNormal, kBreak, kContinue };
  class Depth;

  // jinja_interpreter.cpp: statements
  Flow run(const Body& body);
  Flow run(const Statement& statement);
  Flow execute(const Output& node);
  Flow execute(const If& node);
  Flow execute(const For& node);
  Flow execute(const Set& node);
  Flow execute(const SetBlock& node);
  Flow execute(const DefineMacro& node);
  Flow execute(const CallBlock& node);
  Flow execute(const Generation& node);
  Flow execute(const FilterBlock& node);
  Flow execute(const With& node);
  Flow execute(const AutoEscape& node);
  Flow execute(const BlockUse& node);
  Flow execute(const Break&) { return Flow::kBreak; }
  Flow execute(const Continue&) { return Flow::kContinue; }
  Flow execute(const NeedsLoader&);
  Flow run_loop(const For& node, const Value& iterable, std::int64_t depth0, Activation* around);
  Value render_recursive(const For& node, const Value& iterable, std::int64_t depth0, Activation* around);
  void leave(const Frame& frame);
  void assign(const Target& target, const Value& value);
  void write(const Value& value);
  void write(std::string_view text);
  void write_text_only(const Value& value);
  template <class Run>
  Flow capture(Value& text, Run run);

  // jinja_evaluate.cpp: expressions
  Value evaluate(const Expression* node);
  Value compute(const Constant& node) { return node.value; }
  Value compute(const Name& node);
  Value compute(const Unary& node);
  Value compute(const Binary& node);
  Value compute(const Logic& node);
  Value compute(const Compare& node);
  Value compute(const Concatenation& node);
  Value compute(const Conditional& node);
  Value compute(const Attribute& node);
  Value compute(const Item& node);
  Value compute(const Slice& node);
  Value compute(const ListLiteral& node);
  Value compute(const TupleLiteral& node);
  Value compute(const DictLiteral& node);
  Value compute(const Call& node);
  Value compute(const Filter& node);
  Value apply_filter(const Filter& node, const Value& subject, bool of_block);

  // jinja_calls.cpp: calls
  struct Evaluated {
    std::vector<Value> positional;
    std::vector<Keyword> named;
    CallArguments view() const { return {positional, named}; }
  };
  void evaluate_arguments(const ArgumentList& list, Evaluated& out);
  Value call(const Value& callee, const CallArguments& arguments);
  Value call_macro(const Macro& macro, const CallArguments& arguments);
  Value call_block(const BlockReference& block);
  Flow run_block(const BlockNode& node);
  void bind(const Macro& macro, const CallArguments& arguments, Activation* activation);
  Value* slot(Place place) const;

  const Tree& tree_;
  Runtime& runtime_;
  std::vector<Value> globals_;  // by number; what the template's top level sets is here too
  Activation* activation_ = nullptr;
  std::string* out_ = nullptr;
  int line_ = 0;
  int node_depth_ = 0;
  int call_depth_ = 0;
};

// Counts how deep the walk is, in nodes and in calls; raises kLimit before the stack ends.
class Interpreter::Depth {
 public:
  enum class Of { kNode, kCall };
  Depth(Interpreter& interpreter, Of of);
  ~Depth() { --counter_; }

 private:
  int& counter_;
};

}  // namespace atelier::text::jinja
