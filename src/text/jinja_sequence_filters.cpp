#include <algorithm>

#include "text/jinja_filters.h"
#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

namespace {

Value ignore_case(Runtime& runtime, const Value& value) {
  if (!value.is_string()) return value;
  runtime.work(value.string->size * 2);
  return Value(runtime.text(to_lower(value.string->view())));
}

Value length_of(const Arguments& a) {
  return Value(length_or_raise(a.runtime(), a[0]));
}

Value default_value(const Arguments& a) {
  const bool replaces = a[0].is_undefined() || (a.flag(2) && !truth(a.runtime(), a[0]));
  if (!replaces) return a[0];
  return a.has(1) ? a[1] : Value(a.runtime().borrow(""));
}

Value first(const Arguments& a) {
  Value out;
  if (iterate(a.runtime(), a[0])->next(a.runtime(), out)) return out;
  return a.runtime().undefined_hint("No first item, sequence was empty.");
}

Value last(const Arguments& a) {
  Value out;
  bool reversible = true;
  const Value backward = a[0].is_undefined() ? a[0] : reversed(a.runtime(), a[0], reversible);
  if (!reversible) raise(ErrorKind::kType, "'{}' object is not reversible", type_name(a[0]));
  if (iterate(a.runtime(), backward)->next(a.runtime(), out)) return out;
  return a.runtime().undefined_hint("No last item, sequence was empty.");
}

Value reverse(const Arguments& a) {
  Runtime& runtime = a.runtime();
  if (a[0].is_string()) {
    const Value backward_step(std::int64_t{-1});
    return get_slice(runtime, a[0], Value::none(), Value::none(), backward_step);
  }
  bool reversible = false;
  const Value out = reversed(runtime, a[0], reversible);
  if (reversible) return out;
  if (!is_iterable(a[0])) raise(ErrorKind::kFilterArgument, "argument must be iterable");
  auto items = collect(runtime, a[0]);
  std::ranges::reverse(items);
  return runtime.list(items);
}

Value to_list(const Arguments& a) {
  return a.runtime().list(collect(a.runtime(), a[0]));
}

Value sort(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const auto items = collect(runtime, a[0]);
  std::vector<std::span<const Value>> paths;
  if (a.has(3) && a[3].is_string()) {
    std::string_view rest = a[3].string->view();
    for (;;) {
      const std::size_t comma = rest.find(',');
      paths.push_back(attribute_path(runtime, Value(runtime.text(rest.substr(0, comma)))));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  } else {
    paths.push_back(attribute_path(runtime, a.has(3) ? a[3] : Value::none()));
  }
  // The key is a list even of one: lists look for equality first, so that two undefined keys do not fail.
  std::vector<Value> keys;
  for (const Value& item : items) {
    std::vector<Value> key;
    for (const auto& path : paths) {
      const Value part = follow_path(runtime, item, path);
      key.push_back(a.flag(2) ? part : ignore_case(runtime, part));
    }
    keys.push_back(runtime.list(key));
  }
  return runtime.list(sorted(runtime, items, std::move(keys), a.flag(1)));
}

Value dict_sort(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const std::string_view by = a.has(2) ? a.string(2).view() : "key";
  if (by != "key" && by != "value") {
    raise(ErrorKind::kFilterArgument, "You can only sort by either \"key\" or \"value\"");
  }
  if (!a[0].is(Kind::kDict)) {
    if (a[0].is_undefined()) raise_undefined(*a[0].undefined);
    raise(ErrorKind::kAttribute, "'{}' object has no attribute 'items'", type_name(a[0]));
  }
  std::vector<Value> items, keys;
  for (const Entry& entry : a[0].dict->span()) {
    items.push_back(runtime.pair(entry.key, entry.value));
    const Value& key = by == "key" ? entry.key : entry.value;
    keys.push_back(a.flag(1) ? key : ignore_case(runtime, key));
  }
  return runtime.list(sorted(runtime, std::move(items), std::move(keys), a.flag(3)));
}

Value group_by(const Arguments& a) {
  Runtime& runtime = a.runtime();
  const auto path = attribute_path(runtime, a[1]);
  const Value absent = a.has(2) ? a[2] : Value::none();
  const auto raw_key = [&](const Value& item) { return follow_path(runtime, item, path, absent); };
  const auto key_of = [&](const Value& item) {
    return a.flag(3) ? raw_key(item) : ignore_case(runtime, raw_key(item));
  };
  auto items = collect(runtime, a[0]);
  std::vector<Value> keys;
  for (const Value& item : items) keys.push_back(key_of(item));
  items = sorted(runtime, items, std::move(keys), false);
  ListBuilder out(runtime);
  for (std::size_t i = 0; i < items.size();) {
    const Value key = key_of(items[i]);
    std::size_t end = i + 1;
    while (end < items.size() && equal(runtime, key_of(items[end]), key)) ++end;
    const Value parts[] = {a.flag(3) ? key : raw_key(items[i]),
                           runtime.list(std::span(items).subspan(i, end - i))};
    const Value tuple = runtime.tuple(parts);
    const_cast<Sequence*>(tuple.sequence)->is_group = true;  // just made, nobody has seen it
    out.append(tuple);
    i = end;
  }
  return out.finish();
}

Value attribute(const Arguments& a) {
  if (!a[1].is_string()) raise(ErrorKind::kType, "attribute name must be string, not '{}'", type_name(a[1]));
  return get_own_attribute(a.runtime(), a[0], a[1].string);
}

Value random(const Arguments&) {
  raise(ErrorKind::kUnsupported,
        "the filter 'random' is not supported: the same request must give the same prompt");
}

const FilterEntry kFilters[] = {
    {"length", "len", "obj", length_of},
    {"count", "len", "obj", length_of},
    {"default", "do_default", "value, default_value=, boolean=", default_value},
    {"d", "do_default", "value, default_value=, boolean=", default_value},
    {"first", "do_first", "seq", first},
    {"last", "do_last", "seq", last},
    {"reverse", "do_reverse", "value", reverse},
    {"list", "do_list", "value", to_list},
    {"sort", "do_sort", "value, reverse=, case_sensitive=, attribute=", sort},
    {"dictsort", "do_dictsort", "value, case_sensitive=, by=, reverse=", dict_sort},
    {"groupby", "do_groupby", "value, attribute, default=, case_sensitive=", group_by},
    {"attr", "do_attr", "obj, name", attribute},
    {"random", "do_random", "seq", random},
};

}  // namespace

std::span<const FilterEntry> sequence_filters() {
  return kFilters;
}

}  // namespace atelier::text::jinja
