#include "text/jinja_filters.h"

#include "text/jinja_operations.h"
#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

const FilterEntry* find_filter(std::string_view name) {
  for (const auto& table :
       {text_filters(), layout_filters(), number_filters(), sequence_filters(), lazy_filters()}) {
    for (const FilterEntry& entry : table) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

Value call_filter(Runtime& runtime, const FilterEntry& filter, const CallArguments& arguments) {
  runtime.step();
  if (filter.parameters == nullptr) return filter.raw(runtime, arguments);
  return filter.bound(Arguments(runtime, filter.function, filter.parameters, arguments));
}

std::span<const Value> attribute_path(Runtime& runtime, const Value& attribute) {
  if (attribute.is_none() || attribute.is_missing()) return {};
  ListBuilder parts(runtime);
  if (!attribute.is_string()) {
    parts.append(attribute);
  } else {
    std::string_view rest = attribute.string->view();
    for (;;) {
      const std::size_t dot = rest.find('.');
      const std::string_view part = rest.substr(0, dot);
      const bool digits = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
      const auto number = digits ? parse_integer(runtime, part, 10) : std::nullopt;
      parts.append(number ? *number : Value(runtime.text(part)));
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
  }
  return parts.finish().sequence->span();
}

Value follow_path(Runtime& runtime, Value item, std::span<const Value> path, const Value& absent) {
  for (const Value& part : path) {
    runtime.step();
    item = get_item(runtime, item, part);
    if (item.is_undefined() && !absent.is_missing() && !absent.is_none()) item = absent;
  }
  return item;
}

}  // namespace atelier::text::jinja
