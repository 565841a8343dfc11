#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

#include "text/jinja_find.h"
#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

// a <=> b of two numbers of any kind; unordered for NaN.
std::partial_ordering compare_numbers(const Value& a, const Value& b) {
  if (a.is(Kind::kFloat) || b.is(Kind::kFloat)) {
    const auto widen = [](const Value& v) {
      return v.is(Kind::kFloat) ? static_cast<long double>(v.real)
             : v.is(Kind::kBig) ? static_cast<long double>(to_big(v).to_double())
             : v.is(Kind::kInt) ? static_cast<long double>(v.integer)
                                : static_cast<long double>(v.boolean);
    };
    return widen(a) <=> widen(b);
  }
  if (a.is(Kind::kBig) || b.is(Kind::kBig)) return to_big(a).compare(to_big(b)) <=> 0;
  const auto small = [](const Value& v) { return v.is(Kind::kBool) ? std::int64_t{v.boolean} : v.integer; };
  return small(a) <=> small(b);
}

bool equal_sequences(Runtime& runtime, const Sequence& a, const Sequence& b) {
  if (a.size != b.size) return false;
  for (std::uint32_t i = 0; i < a.size; ++i) {
    if (!equal(runtime, a.items[i], b.items[i])) return false;
  }
  return true;
}

bool equal_dicts(Runtime& runtime, const Dict& a, const Dict& b) {
  if (a.size != b.size) return false;
  for (const Entry& entry : a.span()) {
    const Entry* other = find_entry(runtime, b, entry.key);
    if (other == nullptr || !equal(runtime, entry.value, other->value)) return false;
  }
  return true;
}

// Keys and items compare as sets.
bool equal_views(Runtime& runtime, const View& a, const View& b) {
  if (a.what != b.what || a.what == View::What::kValues) return &a == &b;
  if (a.dict->size != b.dict->size) return false;
  for (const Entry& entry : a.dict->span()) {
    const Entry* other = find_entry(runtime, *b.dict, entry.key);
    if (other == nullptr) return false;
    if (a.what == View::What::kItems && !equal(runtime, entry.value, other->value)) return false;
  }
  return true;
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  seed ^= value + 0x9e3779b97f4a7c15ull + (seed << 6) + (seed >> 2);
  seed *= 0xff51afd7ed558ccdull;
  return seed ^ (seed >> 32);
}

// Equal numbers have equal hashes whatever their kind.
std::uint64_t hash_number(const Value& value) {
  if (value.is(Kind::kBool)) return mix(1, value.boolean);
  if (value.is(Kind::kInt)) return mix(1, static_cast<std::uint64_t>(value.integer));
  const double real = value.is(Kind::kBig) ? to_big(value).to_double() : value.real;
  if (real == std::trunc(real) && std::fabs(real) < 9.2e18) {
    return mix(1, static_cast<std::uint64_t>(static_cast<std::int64_t>(real)));
  }
  return mix(2, std::bit_cast<std::uint64_t>(real));
}

[[noreturn]] void refuse_order(const char* symbol, const Value& left, const Value& right) {
  raise(ErrorKind::kType, "'{}' not supported between instances of '{}' and '{}'", symbol, type_name(left),
        type_name(right));
}

void fail_on_undefined(const Value& left, const Value& right) {
  if (left.is_undefined()) raise_undefined(*left.undefined);
  if (right.is_undefined()) raise_undefined(*right.undefined);
}

// Three-way order of two values; symbol only for the message. Unordered: every comparison is false.
std::partial_ordering order(Runtime& runtime, const char* symbol, const Value& left, const Value& right) {
  runtime.step();
  if (left.is_number() && right.is_number()) return compare_numbers(left, right);
  if (left.is_string() && right.is_string()) {
    runtime.work(std::min(left.string->size, right.string->size));
    return left.string->view().compare(right.string->view()) <=> 0;
  }
  if (left.is_sequence() && left.kind == right.kind) {
    const auto a = left.sequence->span(), b = right.sequence->span();
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      if (!equal(runtime, a[i], b[i])) return order(runtime, symbol, a[i], b[i]);
    }
    return a.size() <=> b.size();
  }
  fail_on_undefined(left, right);
  refuse_order(symbol, left, right);
}

std::uint32_t find_slot(Runtime& runtime, const Dict& dict, const Value& key) {
  std::uint64_t slot = hash(runtime, key);
  for (;; ++slot) {
    const std::uint32_t entry = dict.table[slot & dict.table_mask];
    if (entry == 0 || equal(runtime, dict.entries[entry - 1].key, key)) return entry;
  }
}

}  // namespace

bool truth(Runtime& runtime, const Value& value) {
  switch (value.kind) {
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return value.boolean;
    case Kind::kInt:
      return value.integer != 0;
    case Kind::kFloat:
      return value.real != 0;
    default: {
      const auto size = length(runtime, value);
      return !size || *size != 0;
    }
  }
}

bool equal(Runtime& runtime, const Value& left, const Value& right) {
  runtime.step();
  if (left.is_number() && right.is_number()) return compare_numbers(left, right) == 0;
  if (left.kind != right.kind) return false;
  switch (left.kind) {
    case Kind::kMissing:
    case Kind::kNone:
    case Kind::kUndefined:
    case Kind::kSelf:
      return true;
    case Kind::kString:
      if (left.string->size != right.string->size) return false;
      runtime.work(left.string->size);
      return left.string->view() == right.string->view();
    case Kind::kList:
    case Kind::kTuple:
      return left.sequence == right.sequence || equal_sequences(runtime, *left.sequence, *right.sequence);
    case Kind::kDict:
      return left.dict == right.dict || equal_dicts(runtime, *left.dict, *right.dict);
    case Kind::kView:
      return equal_views(runtime, *left.view, *right.view);
    case Kind::kRange: {
      const Range &a = *left.range, &b = *right.range;
      const std::int64_t size = a.size();
      return size == b.size() && (size == 0 || (a.start == b.start && (size == 1 || a.step == b.step)));
    }
    case Kind::kMethod:
      return left.method->entry == right.method->entry && identical(left.method->self, right.method->self);
    default:
      return left.address == right.address;
  }
}

bool less(Runtime& runtime, const Value& left, const Value& right, const char* symbol) {
  return order(runtime, symbol, left, right) < 0;
}

bool compare(Runtime& runtime, Comparison operation, const Value& left, const Value& right) {
  switch (operation) {
    case Comparison::kEqual:
      return equal(runtime, left, right);
    case Comparison::kNotEqual:
      return !equal(runtime, left, right);
    case Comparison::kLess:
      return order(runtime, "<", left, right) < 0;
    case Comparison::kLessEqual:
      return order(runtime, "<=", left, right) <= 0;
    case Comparison::kGreater:
      return order(runtime, ">", left, right) > 0;
    case Comparison::kGreaterEqual:
      return order(runtime, ">=", left, right) >= 0;
    case Comparison::kIn:
      return contains(runtime, right, left);
    case Comparison::kNotIn:
      return !contains(runtime, right, left);
  }
  return false;
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  switch (container.kind) {
    case Kind::kString:
      if (!item.is_string()) {
        raise(ErrorKind::kType, "'in <string>' requires string as left operand, not {}", type_name(item));
      }
      runtime.work(container.string->size * 2);
      return find_text(container.string->view(), item.string->view()) != std::string_view::npos;
    case Kind::kDict:
      return find_entry(runtime, *container.dict, item) != nullptr;
    case Kind::kView:
      if (container.view->what == View::What::kKeys) {
        return find_entry(runtime, *container.view->dict, item) != nullptr;
      }
      break;
    case Kind::kRange:
      if (item.is(Kind::kInt)) {
        const Range& range = *container.range;
        const __int128 offset = static_cast<__int128>(item.integer) - range.start;
        return offset % range.step == 0 && offset / range.step >= 0 && offset / range.step < range.size();
      }
      break;
    default:
      if (!is_iterable(container)) {
        raise(ErrorKind::kType, "argument of type '{}' is not iterable", type_name(container));
      }
  }
  Iterator* items = iterate(runtime, container);
  for (Value other; items->next(runtime, other);) {
    if (identical(other, item) || equal(runtime, other, item)) return true;
  }
  return false;
}

bool identical(const Value& left, const Value& right) {
  if (left.kind != right.kind) return false;
  switch (left.kind) {
    case Kind::kMissing:
    case Kind::kNone:
    case Kind::kSelf:
      return true;
    case Kind::kBool:
      return left.boolean == right.boolean;
    case Kind::kInt:
      return left.integer == right.integer && left.integer >= -5 && left.integer <= 256;
    case Kind::kFloat:
      return false;
    case Kind::kString:
      return left.string == right.string ||
             (left.string->size <= 1 && left.string->view() == right.string->view());
    default:
      return left.address == right.address;
  }
}

std::uint64_t hash(Runtime& runtime, const Value& value) {
  runtime.step();
  switch (value.kind) {
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kBig:
    case Kind::kFloat:
      return hash_number(value);
    case Kind::kString:
      runtime.work(value.string->size);
      return mix(3, std::hash<std::string_view>()(value.string->view()));
    case Kind::kTuple: {
      std::uint64_t seed = 4;
      for (const Value& item : value.sequence->span()) seed = mix(seed, hash(runtime, item));
      return seed;
    }
    case Kind::kList:
    case Kind::kDict:
      raise(ErrorKind::kType, "unhashable type: '{}'", type_name(value));
    case Kind::kView:
      if (value.view->what != View::What::kValues) {
        raise(ErrorKind::kType, "unhashable type: '{}'", type_name(value));
      }
      return mix(5, reinterpret_cast<std::uintptr_t>(value.address));
    case Kind::kMissing:
    case Kind::kNone:
    case Kind::kUndefined:
    case Kind::kSelf:
      return mix(6, static_cast<std::uint64_t>(value.kind));
    case Kind::kRange:
      return mix(7, static_cast<std::uint64_t>(value.range->size()));
    case Kind::kMethod:
      return mix(8, reinterpret_cast<std::uintptr_t>(value.method->entry));
    default:
      return mix(5, reinterpret_cast<std::uintptr_t>(value.address));
  }
}

// Small dicts are searched in order. A dict of the caller's gets its table at its first lookup.
const Entry* find_entry(Runtime& runtime, const Dict& dict, const Value& key) {
  if (dict.table == nullptr && dict.size <= 8) {
    if (!key.is_string()) hash(runtime, key);  // raises for what cannot be a key
    for (const Entry& entry : dict.span()) {
      if (equal(runtime, entry.key, key)) return &entry;
    }
    return nullptr;
  }
  if (dict.table == nullptr) {
    auto& made = const_cast<Dict&>(dict);  // the table is a cache; values are this rendering's own
    std::uint32_t slots = 16;
    while (slots < dict.size * 2) slots *= 2;
    made.table = runtime.arena().create_array<std::uint32_t>(slots).data();
    made.table_mask = slots - 1;
    for (std::uint32_t i = 0; i < dict.size; ++i) {
      std::uint64_t slot = hash(runtime, dict.entries[i].key);
      while (made.table[slot & made.table_mask] != 0) {
        runtime.step();
        ++slot;
      }
      made.table[slot & made.table_mask] = i + 1;
    }
  }
  const std::uint32_t entry = find_slot(runtime, dict, key);
  return entry == 0 ? nullptr : &dict.entries[entry - 1];
}

const Value* find_key(Runtime& runtime, const Dict& dict, std::string_view key) {
  const Str text{key.data(), static_cast<std::uint32_t>(key.size())};
  const Entry* entry = find_entry(runtime, dict, Value(&text));
  return entry == nullptr ? nullptr : &entry->value;
}

}  // namespace atelier::text::jinja
