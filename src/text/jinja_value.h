// A Value is what a template computes with: one of Python's types, 16 bytes, copied freely. What it points to
// lives in the rendering's Arena, in the parsed template or in the caller's context, and is never changed
// after it is made; the sandbox allows no append or update, so only Namespace, Loop, Cycler, Joiner and
// iterators move.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

namespace atelier::text::jinja {

class Runtime;
struct Str;
struct Sequence;
struct Dict;
struct View;
struct Range;
struct Iterator;
struct Undefined;
struct Big;
struct Function;
struct Method;
struct Macro;
struct Namespace;
struct Loop;
struct Cycler;
struct Joiner;
struct BlockReference;

enum class Kind : std::uint8_t {
  kMissing,  // no value at all: an unset variable, an absent argument; never seen by a template
  kUndefined,
  kNone,
  kBool,
  kInt,
  kBig,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kView,
  kRange,
  kIterator,
  kFunction,
  kMethod,
  kMacro,
  kNamespace,
  kLoop,
  kCycler,
  kJoiner,
  kBlock,
  kSelf,  // the variable `self`: the template's blocks
};

struct Value {
  Kind kind = Kind::kMissing;
  union {
    bool boolean;
    std::int64_t integer = 0;
    double real;
    const Str* string;
    const Sequence* sequence;
    Dict* dict;
    const View* view;
    const Range* range;
    Iterator* iterator;
    const Undefined* undefined;
    const Big* big;
    const Function* function;
    const Method* method;
    const Macro* macro;
    Namespace* space;
    Loop* loop;
    Cycler* cycler;
    Joiner* joiner;
    const BlockReference* block;
    const void* address;
  };

  constexpr Value() = default;
  Value(std::same_as<bool> auto value) : kind(Kind::kBool), boolean(value) {}
  Value(std::same_as<std::int64_t> auto value) : kind(Kind::kInt), integer(value) {}
  Value(std::same_as<double> auto value) : kind(Kind::kFloat), real(value) {}
  Value(const Str* value) : kind(Kind::kString), string(value) {}
  Value(Dict* value) : kind(Kind::kDict), dict(value) {}
  Value(const View* value) : kind(Kind::kView), view(value) {}
  Value(const Range* value) : kind(Kind::kRange), range(value) {}
  Value(Iterator* value) : kind(Kind::kIterator), iterator(value) {}
  Value(const Undefined* value) : kind(Kind::kUndefined), undefined(value) {}
  Value(const Big* value) : kind(Kind::kBig), big(value) {}
  Value(const Function* value) : kind(Kind::kFunction), function(value) {}
  Value(const Method* value) : kind(Kind::kMethod), method(value) {}
  Value(const Macro* value) : kind(Kind::kMacro), macro(value) {}
  Value(Namespace* value) : kind(Kind::kNamespace), space(value) {}
  Value(Loop* value) : kind(Kind::kLoop), loop(value) {}
  Value(Cycler* value) : kind(Kind::kCycler), cycler(value) {}
  Value(Joiner* value) : kind(Kind::kJoiner), joiner(value) {}
  Value(const BlockReference* value) : kind(Kind::kBlock), block(value) {}
  static Value list(const Sequence* items) { return of_sequence(Kind::kList, items); }
  static Value tuple(const Sequence* items) { return of_sequence(Kind::kTuple, items); }
  static Value none() { return of_kind(Kind::kNone); }
  static Value self() { return of_kind(Kind::kSelf); }

  bool is(Kind other) const { return kind == other; }
  bool is_missing() const { return kind == Kind::kMissing; }
  bool is_undefined() const { return kind == Kind::kUndefined; }
  bool is_none() const { return kind == Kind::kNone; }
  bool is_string() const { return kind == Kind::kString; }
  bool is_integral() const { return kind == Kind::kInt || kind == Kind::kBig || kind == Kind::kBool; }
  bool is_number() const { return is_integral() || kind == Kind::kFloat; }
  bool is_sequence() const { return kind == Kind::kList || kind == Kind::kTuple; }

 private:
  static Value of_kind(Kind kind) {
    Value out;
    out.kind = kind;
    return out;
  }
  static Value of_sequence(Kind kind, const Sequence* items) {
    Value out = of_kind(kind);
    out.sequence = items;
    return out;
  }
};

static_assert(sizeof(Value) == 16);

struct Str {
  static constexpr std::uint32_t kUncounted = 0xffffffff;
  const char* data;
  std::uint32_t size;  // bytes of UTF-8
  mutable std::uint32_t code_points =
      kUncounted;       // counted when first asked; always known in a parsed template
  bool markup = false;  // a markupsafe.Markup: already escaped

  std::string_view view() const { return {data, size}; }
  std::uint32_t length() const;  // code points
  bool is_ascii() const { return length() == size; }
};

struct Sequence {
  const Value* items;
  std::uint32_t size;
  std::uint32_t height;   // 1 + the height of the highest item: bounds every recursion over values
  bool is_group = false;  // an item of groupby: a tuple with .grouper and .list

  std::span<const Value> span() const { return {items, size}; }
};

struct Entry {
  Value key, value;
};

struct Dict {
  Entry* entries;  // in order of insertion
  std::uint32_t size;
  std::uint32_t height;
  std::uint32_t* table = nullptr;  // open addressing, entry number + 1; made when first needed
  std::uint32_t table_mask = 0;

  std::span<const Entry> span() const { return {entries, size}; }
};

struct View {
  enum class What { kKeys, kValues, kItems } what;
  const Dict* dict;
};

struct Range {
  std::int64_t start, stop, step;
  std::int64_t size() const;
};

struct Big {
  bool negative;
  std::span<const std::uint32_t> limbs;
};

// Something that gives its items once, one by one.
struct Iterator {
  const char* type_name = "generator";  // Python's name of it
  virtual bool next(Runtime& runtime, Value& out) = 0;

 protected:
  ~Iterator() = default;  // lives in an Arena; nothing to destroy
};

struct Undefined {
  std::string_view hint;             // the message, where there is one
  const char* owner_type = nullptr;  // what was asked for `name`; nullptr: it was a variable
  Value name;                        // a string, or the element that was not there
  bool is_unsafe = false;            // made by the sandbox: a SecurityError when used
};

struct Keyword {
  const Str* name;
  Value value;
};

struct CallArguments {
  std::span<const Value> positional;
  std::span<const Keyword> named;

  const Value* find(std::string_view name) const;
};

struct Function {
  const char* name;
  const char* shown;  // its repr
  Value (*call)(Runtime& runtime, const CallArguments& arguments);
};

struct Method {
  const struct MethodEntry* entry;
  Value self;
};

struct Namespace {
  Keyword* attributes = nullptr;
  std::uint32_t size = 0, capacity = 0;

  const Value* find(std::string_view name) const;
};

struct Cycler {
  std::span<const Value> items;
  std::size_t position = 0;
};

struct Joiner {
  Value separator;
  bool used = false;
};

// "str", "dict_keys", …: type(value).__name__.
const char* type_name(const Value& value);
// "str object", "jinja2.utils.Namespace object": how messages about undefined attributes name it.
const char* described_type(const Value& value);

}  // namespace atelier::text::jinja
