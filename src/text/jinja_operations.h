// What Python's operators and protocols do with values. All may raise the Error Python would.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja_runtime.h"
#include "text/jinja_value.h"

namespace atelier::text::jinja {

enum class Operator { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

// jinja_operators.cpp
Value apply(Runtime& runtime, Operator operation, const Value& left, const Value& right);
Value negate(Runtime& runtime, const Value& value);
Value plus(Runtime& runtime, const Value& value);
BigInteger to_big(const Value& value);  // bool, int or big
double to_double(const Value& value);   // any number; kOverflow where it does not fit

// jinja_comparisons.cpp
bool truth(Runtime& runtime, const Value& value);
bool equal(Runtime& runtime, const Value& left, const Value& right);
bool less(Runtime& runtime, const Value& left, const Value& right, const char* symbol = "<");
bool compare(Runtime& runtime, Comparison operation, const Value& left, const Value& right);
bool contains(Runtime& runtime, const Value& container, const Value& item);
bool identical(const Value& left, const Value& right);  // Python's `is`
std::uint64_t hash(Runtime& runtime, const Value& value);
const Entry* find_entry(Runtime& runtime, const Dict& dict, const Value& key);
const Value* find_key(Runtime& runtime, const Dict& dict, std::string_view key);

// jinja_iteration.cpp
Iterator* iterate(Runtime& runtime, const Value& value);  // "'int' object is not iterable"
bool is_iterable(const Value& value);
std::optional<std::int64_t> length(Runtime& runtime, const Value& value);  // nullopt: has no len()
std::int64_t length_or_raise(Runtime& runtime, const Value& value);
std::vector<Value> collect(Runtime& runtime, const Value& iterable);
Value reversed(Runtime& runtime, const Value& value, bool& is_reversible);
std::vector<Value> sorted(Runtime& runtime, std::vector<Value> items, std::vector<Value> keys, bool reverse);

// jinja_access.cpp: the sandboxed environment's attribute and item access.
Value get_attribute(Runtime& runtime, const Value& owner, const Str* name);
Value get_item(Runtime& runtime, const Value& owner, const Value& key);
Value get_slice(Runtime& runtime, const Value& owner, const Value& start, const Value& stop,
                const Value& step);
Value get_own_attribute(Runtime& runtime, const Value& owner, const Str* name);  // the filter `attr`
void set_attribute(Runtime& runtime, Namespace& space, const Str* name, const Value& value);

// jinja_repr.cpp
const Str* to_str(Runtime& runtime, const Value& value);    // str(value), plain: Markup becomes str
const Str* soft_str(Runtime& runtime, const Value& value);  // keeps Markup
void append_str(Runtime& runtime, std::string& out, const Value& value);
void append_repr(Runtime& runtime, std::string& out, const Value& value);
std::string repr(Runtime& runtime, const Value& value);
std::string quoted(std::string_view text);  // repr of a str
std::string float_repr(double value);
const Str* escape(Runtime& runtime, const Value& value);  // markupsafe.escape
std::string escape_text(std::string_view text);

// jinja_json.cpp
struct JsonStyle {
  bool ensure_ascii = false, sort_keys = false;
  std::optional<std::string> indent;
  std::string item_separator = ", ", key_separator = ": ";
};
const Str* to_json(Runtime& runtime, const Value& value, const JsonStyle& style);

// jinja_percent_format.cpp, jinja_brace_format.cpp
const Str* percent_format(Runtime& runtime, const Str& pattern, const Value& arguments);
const Str* brace_format(Runtime& runtime, const Str& pattern, const CallArguments& arguments,
                        const Dict* mapping = nullptr);

// jinja_numbers.cpp: int(text), float(text); nullopt where Python raises ValueError.
std::optional<Value> parse_integer(Runtime& runtime, std::string_view text, int base);
std::optional<double> parse_float(std::string_view text);
std::int64_t to_index(const Value& value);  // __index__; "'str' object cannot be interpreted as an integer"
Value round_number(Runtime& runtime, const Value& value, std::int64_t digits);
Value integer_of(Runtime& runtime, double value);  // int(value); kOverflow, kValue for inf and nan

// jinja_strftime.cpp
std::string strftime(Runtime& runtime, std::string_view format);

}  // namespace atelier::text::jinja
