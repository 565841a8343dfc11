// The syntax tree of a template. Nodes live as long as the template and are never changed once
// jinja_scope.cpp has given every name its place; many threads read them at the same time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "text/jinja_filters.h"
#include "text/jinja_macro.h"
#include "text/jinja_operations.h"
#include "text/jinja_value.h"

namespace atelier::text::jinja {

struct Expression;
struct Statement;
using Body = std::vector<const Statement*>;

// Where a variable lives: `hops` activations outwards, then a slot.
struct Place {
  std::uint32_t hops = 0;
  std::uint32_t slot = 0;
};

// --- Expressions ---

struct Constant {
  Value value;
};
struct Name {
  const Str* name;
  Place place;
};
struct Unary {
  enum class What { kNegate, kPlus, kNot } what;
  Expression* operand;
};
struct Binary {
  Operator operation;
  Expression *left, *right;
};
struct Logic {
  bool is_and;
  Expression *left, *right;
};
struct Compare {
  Expression* first;
  std::vector<std::pair<Comparison, Expression*>> rest;  // a < b < c
};
struct Concatenation {
  std::vector<Expression*> parts;
};
struct Conditional {
  Expression *test, *when_true, *when_false;  // when_false may be nullptr
};
struct Attribute {
  Expression* owner;
  const Str* name;
};
struct Item {
  Expression *owner, *key;
};
struct Slice {
  Expression *owner, *start, *stop, *step;  // nullptr: not given
};
struct ListLiteral {
  std::vector<Expression*> items;
};
struct TupleLiteral {
  std::vector<Expression*> items;
};
struct DictLiteral {
  std::vector<std::pair<Expression*, Expression*>> entries;
};

struct ArgumentList {
  std::vector<Expression*> positional;
  std::vector<std::pair<const Str*, Expression*>> named;
  Expression* more_positional = nullptr;  // *args
  Expression* more_named = nullptr;       // **kwargs
};
struct Call {
  Expression* callee;
  ArgumentList arguments;
};
// A filter or a test. `entry` is nullptr for an unknown name inside an if, which fails only when it is
// reached.
struct Filter {
  Expression* subject;  // nullptr: the text of a filter block or block set
  const Str* name;
  bool is_test;
  const FilterEntry* entry;
  ArgumentList arguments;
};

struct Expression {
  int line = 0;
  int height = 0;  // bounds the recursion of everything that walks the tree
  std::variant<Constant, Name, Unary, Binary, Logic, Compare, Concatenation, Conditional, Attribute, Item,
               Slice, ListLiteral, TupleLiteral, DictLiteral, Call, Filter>
      form;
};

// --- What is assigned to ---

struct Target {
  enum class What { kName, kAttribute, kTuple } what = What::kName;
  const Str* name = nullptr;       // the variable
  const Str* attribute = nullptr;  // of a namespace: name.attribute
  Place place;
  bool is_exported = false;  // at the template's top level: blocks see it too
  std::uint32_t global = 0;  // its number among the template's names
  std::vector<Target> parts;
};

// --- Frames: the variables of a part of the template ---

struct Load {
  enum class From { kContext, kOuter, kNothing } from;
  std::uint32_t slot;
  std::uint32_t global = 0;  // kContext: number of the name
  Place outer;               // kOuter
};
struct Frame {
  std::vector<Load> loads;           // what happens on entry
  std::vector<std::uint32_t> slots;  // all of them: unset on leaving
};
// A body with variables of its own, reached by a call.
struct FunctionShape {
  std::uint32_t slot_count = 0;
};

// --- Statements ---

struct Output {
  std::vector<Expression*> parts;
};
struct If {
  struct Branch {
    Expression* test;
    Body body;
  };
  std::vector<Branch> branches;  // if, elif, elif, …
  Body otherwise;
};
struct For {
  Target target, test_target;  // the same names, in the loop's frame and in the test's
  Expression* iterable = nullptr;
  Expression* test = nullptr;  // nullptr: none
  bool recursive = false;
  bool uses_loop = false;
  bool has_else = false;
  Body body, otherwise;
  Frame frame, test_frame, else_frame;
  FunctionShape test_function;       // the test runs in a generator of its own
  FunctionShape recursive_function;  // recursive loops only
  std::uint32_t loop_slot = 0;
};
struct Set {
  Target target;
  Expression* value;
};
struct SetBlock {
  Target target;
  Expression* filter;  // nullptr: none
  Body body;
  Frame frame;
};
struct MacroNode {
  struct Parameter {
    const Str* name;
    Expression* absent;  // nullptr: undefined
    std::uint32_t slot = 0;
  };
  const Str* name = nullptr;  // nullptr: a call block
  std::vector<Parameter> parameters;
  Body body;
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;
  bool has_caller_parameter = false;
  std::uint32_t caller_slot = 0, kwargs_slot = 0, varargs_slot = 0;
  Frame frame;
  FunctionShape function;
};
struct DefineMacro {
  MacroNode macro;
  Target target;
};
struct CallBlock {
  MacroNode macro;
  Expression* call;
};
struct Generation {  // {% generation %}: marks the assistant's text for training; a call block for scoping
  MacroNode macro;
};
struct FilterBlock {
  Expression* filter;
  Body body;
  Frame frame;
};
struct With {
  std::vector<std::pair<Target, Expression*>> values;
  Body body;
  Frame frame;
};
struct AutoEscape {
  Expression* enabled;
  Body body;
  Frame frame;
};
struct BlockNode {
  std::string name;
  Body body;
  Frame frame;
  FunctionShape function;
  bool uses_self = false, uses_super = false;
  std::uint32_t self_slot = 0, super_slot = 0;
  bool required = false;
};
struct BlockUse {
  BlockNode* block;
  bool scoped = false;
  std::vector<std::pair<std::uint32_t, Place>> visible;  // scoped: number of the name, where it is
};
struct Break {};
struct Continue {};
struct NeedsLoader {};  // extends, include, import: there is nothing to load from

struct Statement {
  int line = 0;
  std::variant<Output, If, For, Set, SetBlock, DefineMacro, CallBlock, Generation, FilterBlock, With,
               AutoEscape, BlockUse, Break, Continue, NeedsLoader>
      form;
};

// A parsed template and everything its nodes point to.
struct Tree {
  std::string source;
  Body body;
  Frame frame;
  FunctionShape function;
  bool uses_self = false;
  std::uint32_t self_slot = 0;
  std::vector<const Str*> globals;  // names looked up in the context, by number
  std::unordered_map<std::string_view, std::uint32_t> global_numbers;
  std::vector<BlockReference> blocks;

  std::deque<Expression> expressions;
  std::deque<Statement> statements;
  std::deque<BlockNode> block_nodes;
  std::deque<std::string> texts;
  std::deque<Str> strings;
  std::deque<std::vector<std::uint32_t>> limbs;
  std::deque<Big> bigs;

  const Str* intern(std::string text);
};

}  // namespace atelier::text::jinja
