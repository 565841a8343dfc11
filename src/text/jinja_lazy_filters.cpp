// Filters that give an iterator: nothing happens, and nothing fails, before somebody asks for an item.
#include <algorithm>
#include <unordered_map>

#include "text/jinja_filters.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

CallArguments keep(Runtime& runtime, const CallArguments& arguments) {
  const auto positional = runtime.arena().create_array<Value>(arguments.positional.size());
  std::copy(arguments.positional.begin(), arguments.positional.end(), positional.begin());
  const auto named = runtime.arena().create_array<Keyword>(arguments.named.size());
  std::copy(arguments.named.begin(), arguments.named.end(), named.begin());
  return {positional, named};
}

// Computes all items when the first is asked for.
struct Deferred final : Iterator {
  Deferred(const Arguments& given, Value (*what)(const Arguments&)) : arguments(given), make(what) {}
  bool next(Runtime& runtime, Value& out) override {
    const IteratorNesting nesting(runtime);
    if (items == nullptr) {
      items = iterate(runtime, make(arguments));
    }
    return items->next(runtime, out);
  }
  Arguments arguments;
  Value (*make)(const Arguments&);
  Iterator* items = nullptr;
};

template <Value (*kMake)(const Arguments&)>
Value deferred(const Arguments& a) {
  return Value(static_cast<Iterator*>(a.runtime().arena().create<Deferred>(a, kMake)));
}

Value items_of(const Arguments& a) {
  if (a[0].is_undefined()) return a.runtime().list({});
  if (!a[0].is(Kind::kDict)) raise(ErrorKind::kType, "Can only get item pairs from a mapping.");
  return Value(static_cast<const View*>(a.runtime().arena().create<View>(View::What::kItems, a[0].dict)));
}

Value unique(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const auto path = attribute_path(runtime, a.has(2) ? a[2] : Value::none());
  std::unordered_multimap<std::uint64_t, Value> seen;
  ListBuilder out(runtime);
  Iterator* items = iterate(runtime, a[0]);
  for (Value item; items->next(runtime, item);) {
    Value key = follow_path(runtime, item, path);
    if (key.is_string() && !a.flag(1)) key = Value(runtime.text(to_lower(key.string->view())));
    const std::uint64_t code = hash(runtime, key);
    const auto [begin, end] = seen.equal_range(code);
    if (std::any_of(begin, end, [&](const auto& known) { return equal(runtime, known.second, key); }))
      continue;
    seen.emplace(code, key);
    out.append(item);
  }
  return out.finish();
}

Value batch(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const std::int64_t width = a.integer(1, 0);
  ListBuilder out(runtime);
  std::vector<Value> row;
  Iterator* items = iterate(runtime, a[0]);
  for (Value item; items->next(runtime, item);) {
    runtime.step();
    if (static_cast<std::int64_t>(row.size()) == width) {
      out.append(runtime.list(row));
      row.clear();
    }
    row.push_back(item);
  }
  if (row.empty()) return out.finish();
  while (a.is_given(2) && static_cast<std::int64_t>(row.size()) < width) {
    runtime.step();
    row.push_back(a[2]);
  }
  out.append(runtime.list(row));
  return out.finish();
}

Value slice(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const auto items = collect(runtime, a[0]);
  const std::int64_t count = a.integer(1, 0), size = static_cast<std::int64_t>(items.size());
  if (count == 0) raise(ErrorKind::kZeroDivision, "integer division or modulo by zero");
  ListBuilder out(runtime);
  std::int64_t start = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    runtime.step();
    const bool longer = i < size % count;
    const std::int64_t width = size / count + (longer ? 1 : 0);
    std::vector<Value> row(items.begin() + start, items.begin() + start + width);
    if (a.is_given(2) && !longer) row.push_back(a[2]);
    out.append(runtime.list(row));
    start += width;
  }
  return out.finish();
}

// map, select, reject, selectattr, rejectattr.
struct Walk final : Iterator {
  enum class What { kMap, kSelect, kReject };
  Walk(const CallArguments& given, What wanted, bool takes_attribute)
      : arguments(given), what(wanted), by_attribute(takes_attribute) {}

  bool next(Runtime& runtime, Value& out) override {
    const IteratorNesting nesting(runtime);
    if (items == nullptr && !begin(runtime)) return false;
    for (Value item; items->next(runtime, item);) {
      runtime.step();
      if (what == What::kMap) {
        out = entry == nullptr ? follow_path(runtime, item, path, absent) : call(runtime, item);
        return true;
      }
      const Value subject = follow_path(runtime, item, path);
      const bool holds = truth(runtime, entry == nullptr ? subject : call(runtime, subject));
      if (holds == (what == What::kSelect)) {
        out = item;
        return true;
      }
    }
    return false;
  }

 private:
  bool begin(Runtime& runtime) {
    items = iterate(runtime, runtime.list({}));
    if (!truth(runtime, arguments.positional[0])) return true;
    prepare(runtime);
    items = iterate(runtime, arguments.positional[0]);
    return true;
  }

  void prepare(Runtime& runtime) {
    std::span<const Value> rest = arguments.positional.subspan(1);
    if (what == What::kMap && rest.empty() && arguments.find("attribute") != nullptr) {
      for (const Keyword& keyword : arguments.named) {
        if (keyword.name->view() != "attribute" && keyword.name->view() != "default") {
          raise(ErrorKind::kFilterArgument, "Unexpected keyword argument {}", quoted(keyword.name->view()));
        }
      }
      path = attribute_path(runtime, *arguments.find("attribute"));
      if (const Value* given = arguments.find("default")) absent = *given;
      return;
    }
    if (by_attribute) {
      if (rest.empty()) raise(ErrorKind::kFilterArgument, "Missing parameter for attribute name");
      path = attribute_path(runtime, rest[0]);
      rest = rest.subspan(1);
    }
    if (rest.empty()) {
      if (what == What::kMap) raise(ErrorKind::kFilterArgument, "map requires a filter argument");
      return;  // by truth
    }
    const std::string_view name = rest[0].is_string() ? rest[0].string->view() : "";
    entry = what == What::kMap ? find_filter(name) : find_test(name);
    if (entry == nullptr) {
      raise(ErrorKind::kRuntime, "No {} named {}.", what == What::kMap ? "filter" : "test",
            repr(runtime, rest[0]));
    }
    call_values = runtime.arena().create_array<Value>(rest.size());
    std::copy(rest.begin() + 1, rest.end(), call_values.begin() + 1);
  }

  Value call(Runtime& runtime, const Value& item) {
    call_values[0] = item;
    return call_filter(runtime, *entry, {call_values, arguments.named});
  }

  CallArguments arguments;
  What what;
  bool by_attribute;
  Iterator* items = nullptr;
  std::span<const Value> path;
  Value absent;
  const FilterEntry* entry = nullptr;
  std::span<Value> call_values;
};

template <Walk::What kWhat, bool kByAttribute>
Value walk(Runtime& runtime, const CallArguments& arguments) {
  return Value(
      static_cast<Iterator*>(runtime.arena().create<Walk>(keep(runtime, arguments), kWhat, kByAttribute)));
}

const FilterEntry kFilters[] = {
    {"items", "do_items", "value", deferred<items_of>},
    {"unique", "do_unique", "value, case_sensitive=, attribute=", deferred<unique>},
    {"batch", "do_batch", "value, linecount, fill_with=", deferred<batch>},
    {"slice", "do_slice", "value, slices, fill_with=", deferred<slice>},
    {"map", "do_map", nullptr, nullptr, walk<Walk::What::kMap, false>},
    {"select", "do_select", nullptr, nullptr, walk<Walk::What::kSelect, false>},
    {"reject", "do_reject", nullptr, nullptr, walk<Walk::What::kReject, false>},
    {"selectattr", "do_selectattr", nullptr, nullptr, walk<Walk::What::kSelect, true>},
    {"rejectattr", "do_rejectattr", nullptr, nullptr, walk<Walk::What::kReject, true>},
};

}  // namespace

std::span<const FilterEntry> lazy_filters() {
  return kFilters;
}

}  // namespace atelier::text::jinja
