#include <algorithm>

#include "text/jinja_loop.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

struct ItemIterator final : Iterator {
  explicit ItemIterator(std::span<const Value> all) : items(all) {}
  bool next(Runtime&, Value& out) override {
    if (at == items.size()) return false;
    out = items[at++];
    return true;
  }
  std::span<const Value> items;
  std::size_t at = 0;
};

struct BackwardIterator final : Iterator {
  explicit BackwardIterator(std::span<const Value> all) : items(all), at(all.size()) {
    type_name = "list_reverseiterator";
  }
  bool next(Runtime&, Value& out) override {
    if (at == 0) return false;
    out = items[--at];
    return true;
  }
  std::span<const Value> items;
  std::size_t at;
};

struct CharacterIterator final : Iterator {
  explicit CharacterIterator(const Str* all) : text(all) { type_name = "str_iterator"; }
  bool next(Runtime& runtime, Value& out) override {
    if (at == text->size) return false;
    const std::size_t start = at;
    next_code_point(text->view(), at);
    out = Value(runtime.borrow(text->view().substr(start, at - start)));
    return true;
  }
  const Str* text;
  std::size_t at = 0;
};

struct EntryIterator final : Iterator {
  EntryIterator(const Dict* all, View::What wanted, bool from_the_end)
      : dict(all), what(wanted), backward(from_the_end) {
    type_name = backward ? "dict_reversekeyiterator" : "dict_keyiterator";
  }
  bool next(Runtime& runtime, Value& out) override {
    if (at == dict->size) return false;
    const Entry& entry = dict->entries[backward ? dict->size - 1 - at : at];
    ++at;
    out = what == View::What::kKeys     ? entry.key
          : what == View::What::kValues ? entry.value
                                        : runtime.pair(entry.key, entry.value);
    return true;
  }
  const Dict* dict;
  View::What what;
  bool backward;
  std::uint32_t at = 0;
};

struct RangeIterator final : Iterator {
  RangeIterator(std::int64_t first, std::int64_t stride, std::int64_t count)
      : value(first), step(stride), left(count) {
    type_name = "range_iterator";
  }
  bool next(Runtime&, Value& out) override {
    if (left == 0) return false;
    out = Value(value);
    if (--left > 0) value += step;
    return true;
  }
  std::int64_t value, step, left;
};

// Iterating the variable `loop` itself takes from the loop it stands for.
struct LoopIterator final : Iterator {
  explicit LoopIterator(Loop* of) : loop(of) { type_name = "LoopContext"; }
  bool next(Runtime& runtime, Value& out) override {
    Value item;
    if (!loop->advance(runtime, item)) return false;
    out = runtime.pair(item, Value(loop));
    return true;
  }
  Loop* loop;
};

// Python's binary insertion: which pairs are compared decides which error a mixed list gives.
void insertion_sort(Runtime& runtime, std::vector<Value>& keys, std::vector<std::uint32_t>& order) {
  const std::size_t size = order.size();
  std::size_t run = size < 2 ? size : 2;
  if (size >= 2) {
    const bool descending = less(runtime, keys[order[1]], keys[order[0]]);
    while (run < size && less(runtime, keys[order[run]], keys[order[run - 1]]) == descending) ++run;
    if (descending) std::reverse(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(run));
  }
  for (std::size_t i = run; i < size; ++i) {
    const std::uint32_t pivot = order[i];
    std::size_t low = 0, high = i;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (less(runtime, keys[pivot], keys[order[middle]])) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    const auto at = order.begin() + static_cast<std::ptrdiff_t>(low);
    std::rotate(at, order.begin() + static_cast<std::ptrdiff_t>(i),
                order.begin() + static_cast<std::ptrdiff_t>(i + 1));
  }
}

// Stable, and safe with an order that is none (NaN).
void merge_sort(Runtime& runtime, std::vector<Value>& keys, std::vector<std::uint32_t>& order) {
  std::vector<std::uint32_t> other(order.size());
  for (std::size_t width = 1; width < order.size(); width *= 2) {
    for (std::size_t low = 0; low < order.size(); low += 2 * width) {
      const std::size_t middle = std::min(low + width, order.size()),
                        high = std::min(low + 2 * width, order.size());
      for (std::size_t left = low, right = middle, out = low; out < high; ++out) {
        const bool from_right =
            left == middle || (right < high && less(runtime, keys[order[right]], keys[order[left]]));
        other[out] = from_right ? order[right++] : order[left++];
      }
    }
    order.swap(other);
  }
}

}  // namespace

Iterator* iterate(Runtime& runtime, const Value& value) {
  Arena& arena = runtime.arena();
  switch (value.kind) {
    case Kind::kUndefined:
      return arena.create<ItemIterator>(std::span<const Value>());
    case Kind::kString:
      return arena.create<CharacterIterator>(value.string);
    case Kind::kList:
    case Kind::kTuple:
      return arena.create<ItemIterator>(value.sequence->span());
    case Kind::kDict:
      return arena.create<EntryIterator>(value.dict, View::What::kKeys, false);
    case Kind::kView:
      return arena.create<EntryIterator>(value.view->dict, value.view->what, false);
    case Kind::kRange:
      return arena.create<RangeIterator>(value.range->start, value.range->step, value.range->size());
    case Kind::kIterator:
      return value.iterator;
    case Kind::kLoop:
      return arena.create<LoopIterator>(value.loop);
    default:
      raise(ErrorKind::kType, "'{}' object is not iterable", type_name(value));
  }
}

bool is_iterable(const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kView:
    case Kind::kRange:
    case Kind::kIterator:
    case Kind::kLoop:
      return true;
    default:
      return false;
  }
}

std::optional<std::int64_t> length(Runtime& runtime, const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      if (value.string->code_points == Str::kUncounted) runtime.work(value.string->size);
      return value.string->length();
    case Kind::kList:
    case Kind::kTuple:
      return value.sequence->size;
    case Kind::kDict:
      return value.dict->size;
    case Kind::kView:
      return value.view->dict->size;
    case Kind::kRange:
      return value.range->size();
    case Kind::kLoop:
      return value.loop->count(runtime);
    default:
      return std::nullopt;
  }
}

std::int64_t length_or_raise(Runtime& runtime, const Value& value) {
  const auto size = length(runtime, value);
  if (!size) raise(ErrorKind::kType, "object of type '{}' has no len()", type_name(value));
  return *size;
}

std::vector<Value> collect(Runtime& runtime, const Value& iterable) {
  if (iterable.is_sequence()) {
    const auto items = iterable.sequence->span();
    runtime.step(static_cast<std::int64_t>(items.size() / 4));
    return {items.begin(), items.end()};
  }
  std::vector<Value> out;
  Iterator* items = iterate(runtime, iterable);
  for (Value item; items->next(runtime, item);) {
    runtime.step();
    out.push_back(item);
  }
  return out;
}

Value reversed(Runtime& runtime, const Value& value, bool& is_reversible) {
  Arena& arena = runtime.arena();
  is_reversible = true;
  switch (value.kind) {
    case Kind::kString: {
      const auto characters = collect(runtime, value);
      const auto kept = arena.create_array<Value>(characters.size());
      std::copy(characters.begin(), characters.end(), kept.begin());
      return Value(static_cast<Iterator*>(arena.create<BackwardIterator>(std::span<const Value>(kept))));
    }
    case Kind::kList:
    case Kind::kTuple:
      return Value(static_cast<Iterator*>(arena.create<BackwardIterator>(value.sequence->span())));
    case Kind::kDict:
      return Value(static_cast<Iterator*>(arena.create<EntryIterator>(value.dict, View::What::kKeys, true)));
    case Kind::kView:
      return Value(
          static_cast<Iterator*>(arena.create<EntryIterator>(value.view->dict, value.view->what, true)));
    case Kind::kRange: {
      const std::int64_t size = value.range->size();
      const std::int64_t last = size == 0 ? 0 : value.range->start + (size - 1) * value.range->step;
      return Value(static_cast<Iterator*>(arena.create<RangeIterator>(last, -value.range->step, size)));
    }
    default:
      is_reversible = false;
      return Value();
  }
}

// Stable; `keys` are the keys of `items`. Equal items keep their order under reverse too, as in Python.
std::vector<Value> sorted(Runtime& runtime, std::vector<Value> items, std::vector<Value> keys, bool reverse) {
  std::vector<std::uint32_t> order(items.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  if (reverse) std::reverse(order.begin(), order.end());
  if (order.size() < 64) {
    insertion_sort(runtime, keys, order);
  } else {
    merge_sort(runtime, keys, order);
  }
  if (reverse) std::reverse(order.begin(), order.end());
  std::vector<Value> out;
  out.reserve(items.size());
  for (const std::uint32_t index : order) out.push_back(items[index]);
  return out;
}

}  // namespace atelier::text::jinja
