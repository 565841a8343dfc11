// The tests of `value is name`.
#include "text/jinja_filters.h"
#include "text/jinja_methods.h"
#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

bool remainder_is(const Arguments& a, const Value& divisor, std::int64_t wanted) {
  const Value rest = apply(a.runtime(), Operator::kModulo, a[0], divisor);
  return equal(a.runtime(), rest, Value(wanted));
}

template <Comparison kComparison>
Value compared(const Arguments& a) {
  return Value(compare(a.runtime(), kComparison, a[0], a[1]));
}

template <Kind kKind>
Value is_kind(const Arguments& a) {
  return Value(a[0].is(kKind));
}

Value is_in_case(const Arguments& a, std::string_view method) {
  const Value text(to_str(a.runtime(), a[0]));
  const Method bound{find_method(text, method), text};
  return call_method(a.runtime(), bound, {});
}

bool is_callable(const Value& value) {
  switch (value.kind) {
    case Kind::kFunction:
    case Kind::kMethod:
    case Kind::kMacro:
    case Kind::kLoop:
    case Kind::kJoiner:
    case Kind::kBlock:
    case Kind::kUndefined:
      return true;
    default:
      return false;
  }
}

// Has a length and takes an index.
bool is_sequence(const Value& value) {
  switch (value.kind) {
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kUndefined:
      return value.kind != Kind::kUndefined || !value.undefined->is_unsafe;
    default:
      return false;
  }
}

Value names_filter(const Arguments& a) {
  return Value(a[0].is_string() && find_filter(a[0].string->view()) != nullptr);
}

Value names_test(const Arguments& a) {
  return Value(a[0].is_string() && find_test(a[0].string->view()) != nullptr);
}

const FilterEntry kTests[] = {
    {"odd", "test_odd", "value",
     [](const Arguments& a) { return Value(remainder_is(a, Value(std::int64_t{2}), 1)); }},
    {"even", "test_even", "value",
     [](const Arguments& a) { return Value(remainder_is(a, Value(std::int64_t{2}), 0)); }},
    {"divisibleby", "test_divisibleby", "value, num",
     [](const Arguments& a) { return Value(remainder_is(a, a[1], 0)); }},
    {"defined", "test_defined", "value", [](const Arguments& a) { return Value(!a[0].is_undefined()); }},
    {"undefined", "test_undefined", "value", is_kind<Kind::kUndefined>},
    {"filter", "test_filter", "value", names_filter},
    {"test", "test_test", "value", names_test},
    {"none", "test_none", "value", is_kind<Kind::kNone>},
    {"boolean", "test_boolean", "value", is_kind<Kind::kBool>},
    {"false", "test_false", "value",
     [](const Arguments& a) { return Value(a[0].is(Kind::kBool) && !a[0].boolean); }},
    {"true", "test_true", "value",
     [](const Arguments& a) { return Value(a[0].is(Kind::kBool) && a[0].boolean); }},
    {"integer", "test_integer", "value",
     [](const Arguments& a) { return Value(a[0].is(Kind::kInt) || a[0].is(Kind::kBig)); }},
    {"float", "test_float", "value", is_kind<Kind::kFloat>},
    {"lower", "test_lower", "value", [](const Arguments& a) { return is_in_case(a, "islower"); }},
    {"upper", "test_upper", "value", [](const Arguments& a) { return is_in_case(a, "isupper"); }},
    {"string", "test_string", "value", is_kind<Kind::kString>},
    {"mapping", "test_mapping", "value", is_kind<Kind::kDict>},
    {"number", "test_number", "value", [](const Arguments& a) { return Value(a[0].is_number()); }},
    {"sequence", "test_sequence", "value", [](const Arguments& a) { return Value(is_sequence(a[0])); }},
    {"iterable", "test_iterable", "value", [](const Arguments& a) { return Value(is_iterable(a[0])); }},
    {"callable", "callable", "value", [](const Arguments& a) { return Value(is_callable(a[0])); }},
    {"sameas", "test_sameas", "value, other",
     [](const Arguments& a) { return Value(identical(a[0], a[1])); }},
    {"escaped", "test_escaped", "value",
     [](const Arguments& a) { return Value(a[0].is_string() && a[0].string->markup); }},
    {"in", "test_in", "value, seq", compared<Comparison::kIn>},
    {"==", "eq", "a, b", compared<Comparison::kEqual>},
    {"eq", "eq", "a, b", compared<Comparison::kEqual>},
    {"equalto", "eq", "a, b", compared<Comparison::kEqual>},
    {"!=", "ne", "a, b", compared<Comparison::kNotEqual>},
    {"ne", "ne", "a, b", compared<Comparison::kNotEqual>},
    {">", "gt", "a, b", compared<Comparison::kGreater>},
    {"gt", "gt", "a, b", compared<Comparison::kGreater>},
    {"greaterthan", "gt", "a, b", compared<Comparison::kGreater>},
    {"ge", "ge", "a, b", compared<Comparison::kGreaterEqual>},
    {">=", "ge", "a, b", compared<Comparison::kGreaterEqual>},
    {"<", "lt", "a, b", compared<Comparison::kLess>},
    {"lt", "lt", "a, b", compared<Comparison::kLess>},
    {"lessthan", "lt", "a, b", compared<Comparison::kLess>},
    {"<=", "le", "a, b", compared<Comparison::kLessEqual>},
    {"le", "le", "a, b", compared<Comparison::kLessEqual>},
};

}  // namespace

const FilterEntry* find_test(std::string_view name) {
  for (const FilterEntry& entry : kTests) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace atelier::text::jinja
