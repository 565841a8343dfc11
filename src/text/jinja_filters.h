// The filters (`value | name(…)`) and tests (`value is name …`) of Jinja2, and `tojson` as chat templates
// have it.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja_arguments.h"
#include "text/jinja_value.h"

namespace atelier::text::jinja {

// One filter or test. The value it works on is the first argument.
struct FilterEntry {
  const char* name;
  const char* function;    // how Python's messages name it
  const char* parameters;  // nullptr: takes its arguments raw
  Value (*bound)(const Arguments& arguments);
  Value (*raw)(Runtime& runtime, const CallArguments& arguments) = nullptr;
};

const FilterEntry* find_filter(std::string_view name);  // nullptr: there is none
const FilterEntry* find_test(std::string_view name);
Value call_filter(Runtime& runtime, const FilterEntry& filter, const CallArguments& arguments);

// "a.b.0" as keys for get_item, one after the other.
std::span<const Value> attribute_path(Runtime& runtime, const Value& attribute);
Value follow_path(Runtime& runtime, Value item, std::span<const Value> path, const Value& absent = {});

std::span<const FilterEntry> text_filters();      // jinja_text_filters.cpp
std::span<const FilterEntry> layout_filters();    // jinja_layout_filters.cpp
std::span<const FilterEntry> number_filters();    // jinja_number_filters.cpp
std::span<const FilterEntry> sequence_filters();  // jinja_sequence_filters.cpp
std::span<const FilterEntry> lazy_filters();      // jinja_lazy_filters.cpp

}  // namespace atelier::text::jinja
