#include <algorithm>

#include "text/jinja_loop.h"
#include "text/jinja_macro.h"
#include "text/jinja_methods.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

// Names with two underscores that every Python object has; the sandbox shows none of them.
bool is_inherited_name(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "__class__",       "__delattr__", "__dict__",    "__dir__",           "__doc__",
      "__eq__",          "__format__",  "__ge__",      "__getattribute__",  "__getstate__",
      "__gt__",          "__hash__",    "__init__",    "__init_subclass__", "__le__",
      "__lt__",          "__module__",  "__ne__",      "__new__",           "__reduce__",
      "__reduce_ex__",   "__repr__",    "__setattr__", "__sizeof__",        "__str__",
      "__subclasshook__"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

Value macro_attribute(Runtime& runtime, const Macro& macro, std::string_view name) {
  if (name == "name") return macro.name == nullptr ? Value::none() : Value(macro.name);
  (void)runtime;
  return Value();
}

// Attributes that are no methods; kMissing where there is none.
Value data_attribute(Runtime& runtime, const Value& owner, std::string_view name) {
  switch (owner.kind) {
    case Kind::kNamespace: {
      const Value* found = owner.space->find(name);
      runtime.step(owner.space->size / 16);
      return found == nullptr ? Value() : *found;
    }
    case Kind::kLoop:
      return loop_attribute(runtime, *owner.loop, name);
    case Kind::kTuple:
      if (owner.sequence->is_group && name == "grouper") return owner.sequence->items[0];
      if (owner.sequence->is_group && name == "list") return owner.sequence->items[1];
      return Value();
    case Kind::kCycler:
      if (name == "current") return owner.cycler->items[owner.cycler->position];
      if (name == "pos") return Value(static_cast<std::int64_t>(owner.cycler->position));
      if (name == "items") return runtime.tuple(owner.cycler->items);
      return Value();
    case Kind::kJoiner:
      if (name == "sep") return owner.joiner->separator;
      if (name == "used") return Value(owner.joiner->used);
      return Value();
    case Kind::kRange:
      if (name == "start") return Value(owner.range->start);
      if (name == "stop") return Value(owner.range->stop);
      if (name == "step") return Value(owner.range->step);
      return Value();
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kBig:
      if (name == "real" || name == "numerator") return plus(runtime, owner);
      if (name == "imag") return Value(std::int64_t{0});
      if (name == "denominator") return Value(std::int64_t{1});
      return Value();
    case Kind::kFloat:
      if (name == "real") return owner;
      if (name == "imag") return Value(0.0);
      return Value();
    case Kind::kMacro:
      return macro_attribute(runtime, *owner.macro, name);
    default:
      return Value();
  }
}

// What Python's getattr gives, seen through the sandbox; kMissing for AttributeError.
Value plain_attribute(Runtime& runtime, const Value& owner, const Str* name) {
  const std::string_view text = name->view();
  if (owner.is_undefined() && !is_inherited_name(text)) raise_undefined(*owner.undefined);
  const Value data = data_attribute(runtime, owner, text);
  if (!data.is_missing()) {
    return text.starts_with('_') ? runtime.unsafe_attribute(owner, text) : data;
  }
  if (owner.is(Kind::kNamespace)) return Value();
  if (const MethodEntry* entry = find_method(owner, text)) {
    return Value(static_cast<const Method*>(runtime.arena().create<Method>(entry, owner)));
  }
  if (is_mutating_method(owner, text) || is_inherited_name(text))
    return runtime.unsafe_attribute(owner, text);
  return Value();
}

const Value* item_of(std::span<const Value> items, std::int64_t index) {
  const auto size = static_cast<std::int64_t>(items.size());
  if (index < 0) index += size;
  return index < 0 || index >= size ? nullptr : &items[static_cast<std::size_t>(index)];
}

Value character_of(Runtime& runtime, const Str& text, std::int64_t index) {
  const std::int64_t size = length_or_raise(runtime, Value(&text));
  if (index < 0) index += size;
  if (index < 0 || index >= size) return Value();
  std::size_t at = static_cast<std::size_t>(index);
  if (!text.is_ascii()) {
    runtime.work(text.size);
    at = byte_offset(text.view(), at);
  }
  std::size_t after = at;
  next_code_point(text.view(), after);
  return Value(runtime.borrow(text.view().substr(at, after - at), text.markup));
}

// owner[key] in Python; kMissing for LookupError and TypeError.
Value plain_item(Runtime& runtime, const Value& owner, const Value& key) {
  const bool is_index = key.is(Kind::kInt) || key.is(Kind::kBool);
  switch (owner.kind) {
    case Kind::kUndefined:
      raise_undefined(*owner.undefined);
    case Kind::kDict: {
      if (key.is(Kind::kList) || key.is(Kind::kDict)) return Value();
      const Entry* found = find_entry(runtime, *owner.dict, key);
      return found == nullptr ? Value() : found->value;
    }
    case Kind::kList:
    case Kind::kTuple: {
      const Value* found = is_index ? item_of(owner.sequence->span(), to_index(key)) : nullptr;
      return found == nullptr ? Value() : *found;
    }
    case Kind::kString:
      return is_index ? character_of(runtime, *owner.string, to_index(key)) : Value();
    case Kind::kRange: {
      if (!is_index) return Value();
      const std::int64_t size = owner.range->size();
      const std::int64_t index = to_index(key) < 0 ? to_index(key) + size : to_index(key);
      if (index < 0 || index >= size) return Value();
      return Value(owner.range->start + index * owner.range->step);
    }
    case Kind::kSelf:
      if (!key.is_string()) return Value();
      for (const BlockReference& block : runtime.blocks) {
        if (block.name == key.string->view()) return Value(&block);
      }
      return Value();
    default:
      return Value();
  }
}

struct Cut {
  std::int64_t start, step, count;
};

std::int64_t slice_index(const Value& value) {
  if (value.is(Kind::kBig)) return value.big->negative ? INT64_MIN / 2 : INT64_MAX / 2;
  if (!value.is_integral()) {
    if (value.is_undefined()) {
      raise(ErrorKind::kType, "slice indices must be integers or None or have an __index__ method");
    }
    raise(ErrorKind::kType, "slice indices must be integers or None or have an __index__ method");
  }
  return std::clamp<std::int64_t>(to_index(value), INT64_MIN / 2, INT64_MAX / 2);
}

// Python's rules for the bounds of a slice over `size` items.
Cut cut_of(std::int64_t size, const Value& start, const Value& stop, const Value& step) {
  Cut out{0, step.is_none() ? 1 : slice_index(step), 0};
  if (out.step == 0) raise(ErrorKind::kValue, "slice step cannot be zero");
  const std::int64_t low = out.step < 0 ? -1 : 0, high = out.step < 0 ? size - 1 : size;
  const auto bound = [&](const Value& value, std::int64_t absent) {
    if (value.is_none()) return absent;
    const std::int64_t index = slice_index(value);
    return std::clamp(index < 0 ? index + size : index, low, high);
  };
  out.start = bound(start, out.step < 0 ? high : low);
  const std::int64_t end = bound(stop, out.step < 0 ? low : high);
  const std::int64_t span = out.step < 0 ? out.start - end : end - out.start;
  const std::int64_t stride = out.step < 0 ? -out.step : out.step;
  out.count = span <= 0 ? 0 : (span - 1) / stride + 1;
  return out;
}

Value slice_text(Runtime& runtime, const Str& text, const Cut& cut) {
  if (cut.count == 0) return Value(runtime.borrow("", text.markup));
  runtime.work(text.size);
  if (cut.step == 1) {
    const auto first = static_cast<std::size_t>(cut.start), count = static_cast<std::size_t>(cut.count);
    if (text.is_ascii()) return Value(runtime.borrow(text.view().substr(first, count), text.markup));
    const std::size_t from = byte_offset(text.view(), first);
    const std::string_view rest = text.view().substr(from);
    return Value(runtime.borrow(rest.substr(0, byte_offset(rest, count)), text.markup));
  }
  std::vector<std::size_t> starts;  // of every code point
  for (std::size_t at = 0; at < text.size;) {
    starts.push_back(at);
    next_code_point(text.view(), at);
  }
  starts.push_back(text.size);
  std::string out;
  for (std::int64_t i = 0; i < cut.count; ++i) {
    const auto at = static_cast<std::size_t>(cut.start + i * cut.step);
    out += text.view().substr(starts[at], starts[at + 1] - starts[at]);
  }
  return Value(runtime.text(out, text.markup));
}

}  // namespace

Value get_attribute(Runtime& runtime, const Value& owner, const Str* name) {
  const Value found = plain_attribute(runtime, owner, name);
  if (!found.is_missing()) return found;
  const Value item = plain_item(runtime, owner, Value(name));
  return item.is_missing() ? runtime.undefined_member(owner, Value(name)) : item;
}

Value get_item(Runtime& runtime, const Value& owner, const Value& key) {
  const Value item = plain_item(runtime, owner, key);
  if (!item.is_missing()) return item;
  if (key.is_string()) {
    const Value found = plain_attribute(runtime, owner, key.string);
    if (!found.is_missing()) return found;
  }
  return runtime.undefined_member(owner, key);
}

Value get_own_attribute(Runtime& runtime, const Value& owner, const Str* name) {
  const Value found = plain_attribute(runtime, owner, name);
  return found.is_missing() ? runtime.undefined_member(owner, Value(name)) : found;
}

Value get_slice(Runtime& runtime, const Value& owner, const Value& start, const Value& stop,
                const Value& step) {
  switch (owner.kind) {
    case Kind::kUndefined:
      raise_undefined(*owner.undefined);
    case Kind::kString:
      return slice_text(runtime, *owner.string, cut_of(length_or_raise(runtime, owner), start, stop, step));
    case Kind::kList:
    case Kind::kTuple: {
      const Cut cut = cut_of(owner.sequence->size, start, stop, step);
      if (cut.step == 1) {  // shares the items
        return runtime.sequence(owner.kind,
                                owner.sequence->span().subspan(static_cast<std::size_t>(cut.start),
                                                               static_cast<std::size_t>(cut.count)));
      }
      const auto items = runtime.arena().create_array<Value>(static_cast<std::size_t>(cut.count));
      for (std::int64_t i = 0; i < cut.count; ++i) {
        items[static_cast<std::size_t>(i)] = owner.sequence->items[cut.start + i * cut.step];
      }
      runtime.step(cut.count / 4);
      return runtime.sequence(owner.kind, items);
    }
    case Kind::kRange: {
      const Range& range = *owner.range;
      const Cut cut = cut_of(range.size(), start, stop, step);
      const std::int64_t first = range.start + cut.start * range.step;
      return Value(static_cast<const Range*>(runtime.arena().create<Range>(
          first, first + cut.count * cut.step * range.step, cut.step * range.step)));
    }
    case Kind::kDict:
      raise(ErrorKind::kType, "unhashable type: 'slice'");
    default:
      raise(ErrorKind::kType, "'{}' object is not subscriptable", type_name(owner));
  }
}

void set_attribute(Runtime& runtime, Namespace& space, const Str* name, const Value& value) {
  runtime.step(1 + space.size / 16);
  if (const Value* found = space.find(name->view())) {
    *const_cast<Value*>(found) = value;
    return;
  }
  if (space.size == space.capacity) {
    const std::uint32_t capacity = space.capacity == 0 ? 4 : space.capacity * 2;
    const auto room = runtime.arena().create_array<Keyword>(capacity);
    std::copy(space.attributes, space.attributes + space.size, room.begin());
    space.attributes = room.data();
    space.capacity = capacity;
  }
  space.attributes[space.size++] = {name, value};
}

}  // namespace atelier::text::jinja
