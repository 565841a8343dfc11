#include "text/jinja_globals.h"

#include <vector>

#include "text/jinja_arguments.h"
#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

constexpr std::int64_t kMaxRange = 100'000;  // the sandbox's own limit

Value make_range(Runtime& runtime, const CallArguments& call) {
  if (!call.named.empty()) raise(ErrorKind::kType, "range() takes no keyword arguments");
  const auto given = call.positional;
  if (given.empty()) raise(ErrorKind::kType, "range expected at least 1 argument, got 0");
  if (given.size() > 3) raise(ErrorKind::kType, "range expected at most 3 arguments, got {}", given.size());
  for (const Value& value : given) {
    if (value.is(Kind::kBig)) raise(ErrorKind::kOverflow, "Python int too large to convert to C ssize_t");
  }
  const std::int64_t start = given.size() == 1 ? 0 : to_index(given[0]);
  const std::int64_t stop = to_index(given[given.size() == 1 ? 0 : 1]);
  const std::int64_t step = given.size() == 3 ? to_index(given[2]) : 1;
  if (step == 0) raise(ErrorKind::kValue, "range() arg 3 must not be zero");
  const Range range{start, stop, step};
  if (range.size() > kMaxRange) {
    raise(ErrorKind::kOverflow, "Range too big. The sandbox blocks ranges larger than MAX_RANGE ({}).",
          kMaxRange);
  }
  return Value(static_cast<const Range*>(runtime.arena().create<Range>(range)));
}

// dict(mapping or pairs, **more)
std::vector<Entry> dict_entries(Runtime& runtime, const CallArguments& call) {
  std::vector<Entry> out;
  if (call.positional.size() > 1) {
    raise(ErrorKind::kType, "dict expected at most 1 argument, got {}", call.positional.size());
  }
  if (call.positional.size() == 1 && call.positional[0].is(Kind::kDict)) {
    const auto entries = call.positional[0].dict->span();
    out.assign(entries.begin(), entries.end());
  } else if (call.positional.size() == 1) {
    std::size_t index = 0;
    for (const Value& item : collect(runtime, call.positional[0])) {
      if (!is_iterable(item)) {
        raise(ErrorKind::kType, "cannot convert dictionary update sequence element #{} to a sequence", index);
      }
      const auto pair = collect(runtime, item);
      if (pair.size() != 2) {
        raise(ErrorKind::kValue, "dictionary update sequence element #{} has length {}; 2 is required", index,
              pair.size());
      }
      out.push_back({pair[0], pair[1]});
      ++index;
    }
  }
  for (const Keyword& keyword : call.named) out.push_back({Value(keyword.name), keyword.value});
  return out;
}

Value make_dict(Runtime& runtime, const CallArguments& call) {
  return Value(runtime.dict(dict_entries(runtime, call)));
}

Value make_namespace(Runtime& runtime, const CallArguments& call) {
  auto* space = runtime.arena().create<Namespace>();
  for (const Entry& entry : runtime.dict(dict_entries(runtime, call))->span()) {
    if (!entry.key.is_string()) continue;  // reachable by no attribute
    set_attribute(runtime, *space, entry.key.string, entry.value);
  }
  return Value(space);
}

Value make_cycler(Runtime& runtime, const CallArguments& call) {
  if (call.positional.empty()) raise(ErrorKind::kRuntime, "at least one item has to be provided");
  return Value(runtime.arena().create<Cycler>(runtime.tuple(call.positional).sequence->span()));
}

Value make_joiner(Runtime& runtime, const CallArguments& call) {
  const Arguments a(runtime, "Joiner.__init__", "sep=", call);
  return Value(runtime.arena().create<Joiner>(a.has(0) ? a[0] : Value(runtime.borrow(", "))));
}

Value raise_exception(Runtime& runtime, const CallArguments& call) {
  const Arguments a(runtime, "raise_exception", "message", call);
  throw Error{ErrorKind::kTemplate, std::string(to_str(runtime, a[0])->view())};
}

Value now_as_text(Runtime& runtime, const CallArguments& call) {
  const Arguments a(runtime, "strftime_now", "format", call);
  return Value(runtime.text(strftime(runtime, a.string(0).view())));
}

Value refuse_lipsum(Runtime&, const CallArguments&) {
  raise(ErrorKind::kUnsupported, "lipsum() is not supported: the same request must give the same prompt");
}

const Function kGlobals[] = {
    {"range", "<function safe_range>", make_range},
    {"dict", "<class 'dict'>", make_dict},
    {"namespace", "<class 'jinja2.utils.Namespace'>", make_namespace},
    {"cycler", "<class 'jinja2.utils.Cycler'>", make_cycler},
    {"joiner", "<class 'jinja2.utils.Joiner'>", make_joiner},
    {"raise_exception", "<function raise_exception>", raise_exception},
    {"strftime_now", "<function strftime_now>", now_as_text},
    {"lipsum", "<function generate_lorem_ipsum>", refuse_lipsum},
};

}  // namespace

const Function* find_global(std::string_view name) {
  for (const Function& function : kGlobals) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace atelier::text::jinja
