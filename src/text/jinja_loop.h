// A Loop is the variable `loop`: where a for statement stands in what it goes through. It looks ahead only
// when asked (last, nextitem, length), so a lazy sequence is read as late as in Jinja2.
#pragma once

#include <cstdint>
#include <span>

#include "text/jinja_runtime.h"
#include "text/jinja_value.h"

namespace atelier::text::jinja {

struct For;
struct Activation;

struct Loop {
  Iterator* source;
  Value iterable;
  std::int64_t depth0;
  const For* recursion;    // what a call of `loop(…)` renders; nullptr: the loop is not recursive
  Activation* activation;  // the variables around it
  std::int64_t index0 = -1;
  std::int64_t known_count = -1;
  Value ahead{}, current{}, before{}, last_changed{};  // kMissing: none

  bool advance(Runtime& runtime, Value& item);
  const Value& peek(Runtime& runtime);
  std::int64_t count(Runtime& runtime);
};

// loop.index and the like; kMissing where there is no such attribute.
Value loop_attribute(Runtime& runtime, Loop& loop, std::string_view name);
Value loop_cycle(Runtime& runtime, Loop& loop, std::span<const Value> items);
Value loop_changed(Runtime& runtime, Loop& loop, std::span<const Value> values);

}  // namespace atelier::text::jinja
