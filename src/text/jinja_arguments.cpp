#include "text/jinja_arguments.h"

#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

struct Parameter {
  std::string_view name;
  bool optional;
};

struct ParameterList {
  std::array<Parameter, 8> items;
  std::size_t size = 0, required = 0;
};

ParameterList split(std::string_view text) {
  ParameterList out;
  while (!text.empty()) {
    const std::size_t comma = text.find(", ");
    std::string_view name = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 2);
    const bool optional = name.back() == '=';
    if (optional) name.remove_suffix(1);
    out.items[out.size++] = {name, optional};
    if (!optional) ++out.required;
  }
  return out;
}

[[noreturn]] void refuse_count(std::string_view function, const ParameterList& list, std::size_t given) {
  const std::size_t most = list.size;
  const char* plural = most == 1 ? "" : "s";
  if (list.required == most) {
    raise(ErrorKind::kType, "{}() takes {} positional argument{} but {} were given", function, most, plural,
          given);
  }
  raise(ErrorKind::kType, "{}() takes from {} to {} positional arguments but {} were given", function,
        list.required, most, given);
}

}  // namespace

Arguments::Arguments(Runtime& runtime, std::string_view function, std::string_view parameters,
                     const CallArguments& call)
    : runtime_(runtime), function_(function) {
  const ParameterList list = split(parameters);
  if (call.positional.size() > list.size) refuse_count(function, list, call.positional.size());
  for (std::size_t i = 0; i < call.positional.size(); ++i) values_[i] = call.positional[i];
  for (const Keyword& keyword : call.named) {
    const std::string_view name = keyword.name->view();
    std::size_t at = 0;
    while (at < list.size && list.items[at].name != name) ++at;
    if (at == list.size) {
      raise(ErrorKind::kType, "{}() got an unexpected keyword argument {}", function, quoted(name));
    }
    if (has(at)) raise(ErrorKind::kType, "{}() got multiple values for argument {}", function, quoted(name));
    values_[at] = keyword.value;
  }
  for (std::size_t i = 0; i < list.size; ++i) {
    if (!list.items[i].optional && !has(i)) {
      raise(ErrorKind::kType, "{}() missing 1 required positional argument: '{}'", function,
            list.items[i].name);
    }
  }
}

bool Arguments::flag(std::size_t index) const {
  return has(index) && truth(runtime_, values_[index]);
}

std::int64_t Arguments::integer(std::size_t index, std::int64_t absent) const {
  return has(index) ? to_index(values_[index]) : absent;
}

const Str& Arguments::string(std::size_t index) const {
  if (!values_[index].is_string()) {
    raise(ErrorKind::kType, "{}() argument {} must be str, not {}", function_, index + 1,
          type_name(values_[index]));
  }
  return *values_[index].string;
}

}  // namespace atelier::text::jinja
