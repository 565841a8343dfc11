#include "text/jinja_loop.h"

#include "text/jinja_operations.h"

namespace atelier::text::jinja {

bool Loop::advance(Runtime& runtime, Value& item) {
  if (!ahead.is_missing()) {
    item = ahead;
    ahead = Value();
  } else if (!source->next(runtime, item)) {
    return false;
  }
  ++index0;
  before = current;
  current = item;
  return true;
}

const Value& Loop::peek(Runtime& runtime) {
  Value item;
  if (ahead.is_missing() && source->next(runtime, item)) ahead = item;
  return ahead;
}

// What has no length is read to its end; the items stay to be gone through.
std::int64_t Loop::count(Runtime& runtime) {
  if (known_count >= 0) return known_count;
  if (!iterable.is(Kind::kIterator)) {
    known_count = length_or_raise(runtime, iterable);
    return known_count;
  }
  const Value rest = runtime.list(collect(runtime, Value(source)));
  source = iterate(runtime, rest);
  known_count = static_cast<std::int64_t>(rest.sequence->size) + index0 + 1 + (ahead.is_missing() ? 0 : 1);
  return known_count;
}

Value loop_attribute(Runtime& runtime, Loop& loop, std::string_view name) {
  if (name == "index") return Value(loop.index0 + 1);
  if (name == "index0") return Value(loop.index0);
  if (name == "first") return Value(loop.index0 == 0);
  if (name == "last") return Value(loop.peek(runtime).is_missing());
  if (name == "length") return Value(loop.count(runtime));
  if (name == "revindex") return Value(loop.count(runtime) - loop.index0);
  if (name == "revindex0") return Value(loop.count(runtime) - loop.index0 - 1);
  if (name == "depth") return Value(loop.depth0 + 1);
  if (name == "depth0") return Value(loop.depth0);
  if (name == "previtem") {
    return loop.index0 == 0 ? runtime.undefined_hint("there is no previous item") : loop.before;
  }
  if (name == "nextitem") {
    const Value& next = loop.peek(runtime);
    return next.is_missing() ? runtime.undefined_hint("there is no next item") : next;
  }
  return Value();
}

Value loop_cycle(Runtime&, Loop& loop, std::span<const Value> items) {
  if (items.empty()) raise(ErrorKind::kType, "no items for cycling given");
  const std::int64_t index = loop.index0 < 0 ? 0 : loop.index0;
  return items[static_cast<std::size_t>(index) % items.size()];
}

Value loop_changed(Runtime& runtime, Loop& loop, std::span<const Value> values) {
  const Value now = runtime.tuple(values);
  if (!loop.last_changed.is_missing() && equal(runtime, loop.last_changed, now)) return Value(false);
  loop.last_changed = now;
  return Value(true);
}

}  // namespace atelier::text::jinja
