#include "text/jinja_value.h"

#include <algorithm>

#include "text/jinja_unicode.h"

namespace atelier::text::jinja {

std::uint32_t Str::length() const {
  if (code_points == kUncounted) code_points = static_cast<std::uint32_t>(count_code_points(view()));
  return code_points;
}

std::int64_t Range::size() const {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  const auto span = static_cast<unsigned __int128>(step > 0 ? static_cast<__int128>(stop) - start
                                                            : static_cast<__int128>(start) - stop);
  const auto stride =
      static_cast<unsigned __int128>(step > 0 ? static_cast<__int128>(step) : -static_cast<__int128>(step));
  const auto count = (span + stride - 1) / stride;
  return static_cast<std::int64_t>(std::min<unsigned __int128>(count, INT64_MAX));
}

const Value* CallArguments::find(std::string_view name) const {
  for (const Keyword& keyword : named) {
    if (keyword.name->view() == name) return &keyword.value;
  }
  return nullptr;
}

const Value* Namespace::find(std::string_view name) const {
  for (std::uint32_t i = 0; i < size; ++i) {
    if (attributes[i].name->view() == name) return &attributes[i].value;
  }
  return nullptr;
}

const char* type_name(const Value& value) {
  switch (value.kind) {
    case Kind::kMissing:
      return "missing";
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
    case Kind::kBig:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return value.string->markup ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return value.sequence->is_group ? "_GroupTuple" : "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kView:
      return value.view->what == View::What::kKeys     ? "dict_keys"
             : value.view->what == View::What::kValues ? "dict_values"
                                                       : "dict_items";
    case Kind::kRange:
      return "range";
    case Kind::kIterator:
      return value.iterator->type_name;
    case Kind::kFunction:
      return "function";
    case Kind::kMethod:
      return "builtin_function_or_method";
    case Kind::kMacro:
      return "Macro";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kLoop:
      return "LoopContext";
    case Kind::kCycler:
      return "Cycler";
    case Kind::kJoiner:
      return "Joiner";
    case Kind::kBlock:
      return "BlockReference";
    case Kind::kSelf:
      return "TemplateReference";
  }
  return "object";
}

const char* described_type(const Value& value) {
  switch (value.kind) {
    case Kind::kNone:
      return "None";
    case Kind::kUndefined:
      return "jinja2.runtime.Undefined object";
    case Kind::kBool:
      return "bool object";
    case Kind::kInt:
    case Kind::kBig:
      return "int object";
    case Kind::kFloat:
      return "float object";
    case Kind::kString:
      return value.string->markup ? "markupsafe.Markup object" : "str object";
    case Kind::kList:
      return "list object";
    case Kind::kTuple:
      return value.sequence->is_group ? "jinja2.filters._GroupTuple object" : "tuple object";
    case Kind::kDict:
      return "dict object";
    case Kind::kView:
      return value.view->what == View::What::kKeys     ? "dict_keys object"
             : value.view->what == View::What::kValues ? "dict_values object"
                                                       : "dict_items object";
    case Kind::kRange:
      return "range object";
    case Kind::kIterator:
      return "generator object";
    case Kind::kMethod:
      return "builtin_function_or_method object";
    case Kind::kMacro:
      return "jinja2.runtime.Macro object";
    case Kind::kNamespace:
      return "jinja2.utils.Namespace object";
    case Kind::kLoop:
      return "jinja2.runtime.LoopContext object";
    case Kind::kCycler:
      return "jinja2.utils.Cycler object";
    case Kind::kJoiner:
      return "jinja2.utils.Joiner object";
    case Kind::kBlock:
      return "jinja2.runtime.BlockReference object";
    case Kind::kSelf:
      return "jinja2.runtime.TemplateReference object";
    case Kind::kFunction:
    case Kind::kMissing:
      return "function object";
  }
  return "object";
}

}  // namespace atelier::text::jinja
