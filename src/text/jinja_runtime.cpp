#include "text/jinja_runtime.h"

#include <algorithm>

#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

// Everything a rendering makes is bounded by this many times its output.
constexpr std::size_t kMemoryPerOutput = 16;

}  // namespace

Runtime::Runtime(const TemplateBudget& budget, const std::tm& now)
    : budget_(budget),
      now_(now),
      steps_left_(budget.steps),
      arena_(std::max<std::size_t>(std::size_t{1} << 20, budget.output_bytes * kMemoryPerOutput)) {}

void Runtime::work(std::size_t bytes) {
  uncharged_bytes_ += bytes;
  if (uncharged_bytes_ >= kBytesPerStep) {
    step(static_cast<std::int64_t>(uncharged_bytes_ / kBytesPerStep));
    uncharged_bytes_ %= kBytesPerStep;
  }
}

void Runtime::check_text_size(std::size_t bytes) const {
  if (bytes > budget_.output_bytes) {
    raise(ErrorKind::kLimit, "the template makes a text of more than {} bytes", budget_.output_bytes);
  }
}

const Str* Runtime::text(std::string_view bytes, bool markup) {
  check_text_size(bytes.size());
  work(bytes.size());
  return borrow({arena_.copy(bytes), bytes.size()}, markup);
}

const Str* Runtime::borrow(std::string_view bytes, bool markup) {
  if (bytes.size() >= Str::kUncounted) raise(ErrorKind::kLimit, "a text has {} bytes", bytes.size());
  return arena_.create<Str>(bytes.data(), static_cast<std::uint32_t>(bytes.size()), Str::kUncounted, markup);
}

// In place where `left` was the last thing made, so that a chain of + costs its length and not its square.
const Str* Runtime::concatenate(const Str& left, std::string_view right, bool markup) {
  const std::size_t size = left.size + right.size();
  check_text_size(size);
  if (arena_.extend(left.data + left.size, right)) {
    work(right.size());
    return borrow({left.data, size}, markup);
  }
  work(size);
  // The header first: the text then ends where the free space begins, and the next + can extend it.
  Str* out = arena_.create<Str>(nullptr, static_cast<std::uint32_t>(size), Str::kUncounted, markup);
  char* at = static_cast<char*>(arena_.allocate(size, 1));
  std::copy(left.data, left.data + left.size, at);
  std::copy(right.begin(), right.end(), at + left.size);
  out->data = at;
  return out;
}

Value Runtime::list(std::span<const Value> items) {
  step(static_cast<std::int64_t>(items.size() / 4));
  const auto copy = arena_.create_array<Value>(items.size());
  std::copy(items.begin(), items.end(), copy.begin());
  return sequence(Kind::kList, copy);
}

Value Runtime::tuple(std::span<const Value> items) {
  Value out = list(items);
  out.kind = Kind::kTuple;
  return out;
}

Value Runtime::pair(const Value& first, const Value& second) {
  const Value items[] = {first, second};
  return tuple(items);
}

Value Runtime::sequence(Kind kind, std::span<const Value> arena_items) {
  step(static_cast<std::int64_t>(arena_items.size() / 8));
  std::uint32_t highest = 0;
  for (const Value& item : arena_items) highest = std::max(highest, height_of(item));
  const auto* made = arena_.create<Sequence>(
      arena_items.data(), static_cast<std::uint32_t>(arena_items.size()), height_above(highest));
  return kind == Kind::kTuple ? Value::tuple(made) : Value::list(made);
}

Dict* Runtime::dict(std::span<const Entry> entries) {
  step(static_cast<std::int64_t>(entries.size() / 2));
  const auto room = arena_.create_array<Entry>(entries.size());
  Dict* out = arena_.create<Dict>(room.data(), std::uint32_t{0}, std::uint32_t{1});
  // The table is sized for all entries beforehand; each lookup below sees those before it.
  std::uint32_t slots = 16;
  while (slots < entries.size() * 2) slots *= 2;
  if (entries.size() > 8) {
    out->table = arena_.create_array<std::uint32_t>(slots).data();
    out->table_mask = slots - 1;
  }
  std::uint32_t highest = 0;
  for (const Entry& entry : entries) {
    highest = std::max({highest, height_of(entry.key), height_of(entry.value)});
    if (const Entry* before = find_entry(*this, *out, entry.key)) {
      out->entries[before - out->entries].value = entry.value;
      continue;
    }
    if (out->table != nullptr) {
      std::uint64_t slot = hash(*this, entry.key);
      while (out->table[slot & out->table_mask] != 0) {
        step();
        ++slot;
      }
      out->table[slot & out->table_mask] = out->size + 1;
    }
    out->entries[out->size++] = entry;
  }
  out->height = height_above(highest);
  return out;
}

Value Runtime::number(const BigInteger& value) {
  if (const auto small = value.to_int64()) return Value(*small);
  step(static_cast<std::int64_t>(value.limbs().size() / 4));
  const auto limbs = arena_.create_array<std::uint32_t>(value.limbs().size());
  std::copy(value.limbs().begin(), value.limbs().end(), limbs.begin());
  return Value(static_cast<const Big*>(arena_.create<Big>(value.is_negative(), limbs)));
}

Value Runtime::undefined_name(const Str* name) {
  return Value(static_cast<const Undefined*>(
      arena_.create<Undefined>(std::string_view(), nullptr, Value(name), false)));
}

Value Runtime::undefined_member(const Value& owner, const Value& name) {
  if (!name.is_string() && !name.is(Kind::kInt)) {
    return undefined_hint(fmt::format("{} has no element {}", described_type(owner), repr(*this, name)));
  }
  return Value(static_cast<const Undefined*>(
      arena_.create<Undefined>(std::string_view(), described_type(owner), name, false)));
}

Value Runtime::undefined_hint(std::string_view hint) {
  const std::string_view kept(arena_.copy(hint), hint.size());
  return Value(static_cast<const Undefined*>(arena_.create<Undefined>(kept, nullptr, Value::none(), false)));
}

Value Runtime::unsafe_attribute(const Value& owner, std::string_view name) {
  const std::string hint =
      fmt::format("access to attribute {} of '{}' object is unsafe.", quoted(name), type_name(owner));
  const std::string_view kept(arena_.copy(hint), hint.size());
  return Value(static_cast<const Undefined*>(arena_.create<Undefined>(kept, nullptr, Value::none(), true)));
}

Value Runtime::from_json(const boost::json::value& json) {
  namespace js = boost::json;
  switch (json.kind()) {
    case js::kind::null:
      return Value::none();
    case js::kind::bool_:
      return Value(json.get_bool());
    case js::kind::int64:
      return Value(json.get_int64());
    case js::kind::uint64: {
      const std::uint64_t value = json.get_uint64();
      const std::uint32_t limbs[] = {static_cast<std::uint32_t>(value),
                                     static_cast<std::uint32_t>(value >> 32)};
      return number(BigInteger(false, limbs));
    }
    case js::kind::double_:
      return Value(json.get_double());
    case js::kind::string:
      return Value(borrow({json.get_string().data(), json.get_string().size()}));
    case js::kind::array: {
      const auto items = arena_.create_array<Value>(json.get_array().size());
      std::size_t i = 0;
      for (const auto& item : json.get_array()) items[i++] = from_json(item);
      return sequence(Kind::kList, items);
    }
    case js::kind::object: {
      const auto entries = arena_.create_array<Entry>(json.get_object().size());
      std::uint32_t size = 0, highest = 0;
      for (const auto& [key, value] : json.get_object()) {
        entries[size] = {Value(borrow({key.data(), key.size()})), from_json(value)};
        highest = std::max(highest, height_of(entries[size++].value));
      }
      return Value(arena_.create<Dict>(entries.data(), size, height_above(highest)));
    }
  }
  return Value::none();
}

void Runtime::refuse_steps() const {
  raise(ErrorKind::kLimit, "the template takes more than {} steps", budget_.steps);
}

std::uint32_t Runtime::height_above(std::uint32_t highest) const {
  if (highest >= kMaxHeight) {
    raise(ErrorKind::kLimit, "the template nests lists or dicts more than {} deep", kMaxHeight);
  }
  return highest + 1;
}

IteratorNesting::IteratorNesting(Runtime& runtime) : nesting_(runtime.iterator_nesting) {
  if (nesting_ >= static_cast<int>(Runtime::kMaxHeight)) {
    raise(ErrorKind::kLimit, "lazy sequences stand more than {} deep inside each other", Runtime::kMaxHeight);
  }
  ++nesting_;
}

std::uint32_t height_of(const Value& value) {
  switch (value.kind) {
    case Kind::kList:
    case Kind::kTuple:
      return value.sequence->height;
    case Kind::kDict:
      return value.dict->height;
    case Kind::kView:
      return value.view->dict->height;
    default:
      return 0;
  }
}

void TextBuilder::fill(std::size_t count, char c) {
  runtime_.check_text_size(text_.size() + count);
  runtime_.work(count);
  text_.append(count, c);
}

std::string undefined_message(const Undefined& undefined) {
  if (!undefined.hint.empty()) return std::string(undefined.hint);
  if (undefined.owner_type == nullptr) return quoted(undefined.name.string->view()) + " is undefined";
  if (undefined.name.is_string()) {
    return fmt::format("'{}' has no attribute {}", undefined.owner_type,
                       quoted(undefined.name.string->view()));
  }
  return fmt::format("{} has no element {}", undefined.owner_type, undefined.name.integer);
}

void raise_undefined(const Undefined& undefined) {
  throw Error{undefined.is_unsafe ? ErrorKind::kSecurity : ErrorKind::kUndefined,
              undefined_message(undefined)};
}

}  // namespace atelier::text::jinja
