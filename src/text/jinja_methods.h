// The methods of Python's types that a template may call. Those that would change a list or a dict are not
// here: the sandbox refuses them.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja_arguments.h"
#include "text/jinja_value.h"

namespace atelier::text::jinja {

struct MethodEntry {
  const char* name;
  const char* parameters;  // nullptr: takes its arguments raw
  Value (*bound)(const Value& self, const Arguments& arguments);
  Value (*raw)(Runtime& runtime, const Value& self, const CallArguments& arguments) = nullptr;
};

Value call_method(Runtime& runtime, const Method& method, const CallArguments& arguments);

// nullptr: the type has no such method (or only one that the sandbox refuses).
const MethodEntry* find_method(const Value& owner, std::string_view name);
bool is_mutating_method(const Value& owner, std::string_view name);

std::span<const MethodEntry> string_text_methods();    // jinja_string_methods.cpp
std::span<const MethodEntry> string_search_methods();  // jinja_string_search.cpp

// Shared with the filters.
const Str* strip(Runtime& runtime, const Str& text, const Value& characters, bool left, bool right);
const Str* replace(Runtime& runtime, const Str& text, std::string_view from, std::string_view to,
                   std::int64_t count);
std::vector<Value> split_lines(Runtime& runtime, const Str& text, bool keep_ends);
const Str* center(Runtime& runtime, const Str& text, std::int64_t width, std::string_view fill);
const Str* join(Runtime& runtime, std::string_view separator, const Value& items);

}  // namespace atelier::text::jinja
