#include "text/jinja_methods.h"

#include <algorithm>
#include <cmath>

#include "text/jinja_loop.h"
#include "text/jinja_operations.h"

namespace atelier::text::jinja {

namespace {

Value make_view(Runtime& runtime, const Value& self, View::What what) {
  return Value(static_cast<const View*>(runtime.arena().create<View>(what, self.dict)));
}

const MethodEntry kDictMethods[] = {
    {"keys", "",
     [](const Value& self, const Arguments& a) { return make_view(a.runtime(), self, View::What::kKeys); }},
    {"values", "",
     [](const Value& self, const Arguments& a) { return make_view(a.runtime(), self, View::What::kValues); }},
    {"items", "",
     [](const Value& self, const Arguments& a) { return make_view(a.runtime(), self, View::What::kItems); }},
    {"get", "key, default=",
     [](const Value& self, const Arguments& a) {
       const Entry* found = find_entry(a.runtime(), *self.dict, a[0]);
       return found != nullptr ? found->value : a.has(1) ? a[1] : Value::none();
     }},
    {"copy", "",
     [](const Value& self, const Arguments& a) { return Value(a.runtime().dict(self.dict->span())); }},
};

std::int64_t count_equal(Runtime& runtime, std::span<const Value> items, const Value& wanted) {
  std::int64_t count = 0;
  for (const Value& item : items) count += identical(item, wanted) || equal(runtime, item, wanted);
  return count;
}

Value index_of(const Value& self, const Arguments& a) {
  const auto items = self.sequence->span();
  const auto size = static_cast<std::int64_t>(items.size());
  const auto clamp = [size](std::int64_t at) {
    return std::clamp(at < 0 ? at + size : at, std::int64_t{0}, size);
  };
  const std::int64_t stop = clamp(a.integer(2, size));
  for (std::int64_t i = clamp(a.integer(1, 0)); i < stop; ++i) {
    const Value& item = items[static_cast<std::size_t>(i)];
    if (identical(item, a[0]) || equal(a.runtime(), item, a[0])) return Value(i);
  }
  if (self.is(Kind::kTuple)) raise(ErrorKind::kValue, "tuple.index(x): x not in tuple");
  raise(ErrorKind::kValue, "{} is not in list", repr(a.runtime(), a[0]));
}

const MethodEntry kSequenceMethods[] = {
    {"count", "value",
     [](const Value& self, const Arguments& a) {
       return Value(count_equal(a.runtime(), self.sequence->span(), a[0]));
     }},
    {"index", "value, start=, stop=", index_of},
};

const MethodEntry kListMethods[] = {
    {"copy", "",
     [](const Value& self, const Arguments& a) { return a.runtime().list(self.sequence->span()); }},
};

const MethodEntry kRangeMethods[] = {
    {"count", "value",
     [](const Value& self, const Arguments& a) {
       return Value(std::int64_t{contains(a.runtime(), self, a[0])});
     }},
    {"index", "value",
     [](const Value& self, const Arguments& a) {
       if (!contains(a.runtime(), self, a[0])) {
         raise(ErrorKind::kValue, "{} is not in range", repr(a.runtime(), a[0]));
       }
       return Value((to_index(a[0]) - self.range->start) / self.range->step);
     }},
};

const MethodEntry kIntegerMethods[] = {
    {"bit_length", "",
     [](const Value& self, const Arguments&) {
       const BigInteger value = to_big(self);
       if (value.is_zero()) return Value(std::int64_t{0});
       const int lead = __builtin_clz(value.limbs().back());
       return Value(static_cast<std::int64_t>(value.limbs().size() * 32) - lead);
     }},
    {"bit_count", "",
     [](const Value& self, const Arguments&) {
       const BigInteger value = to_big(self);
       std::int64_t count = 0;
       for (const std::uint32_t limb : value.limbs()) count += __builtin_popcount(limb);
       return Value(count);
     }},
    {"conjugate", "", [](const Value& self, const Arguments& a) { return plus(a.runtime(), self); }},
};

const MethodEntry kFloatMethods[] = {
    {"is_integer", "",
     [](const Value& self, const Arguments&) {
       return Value(std::isfinite(self.real) && self.real == std::trunc(self.real));
     }},
    {"conjugate", "", [](const Value& self, const Arguments&) { return self; }},
};

const MethodEntry kLoopMethods[] = {
    {"cycle", nullptr, nullptr,
     [](Runtime& runtime, const Value& self, const CallArguments& arguments) {
       return loop_cycle(runtime, *self.loop, arguments.positional);
     }},
    {"changed", nullptr, nullptr,
     [](Runtime& runtime, const Value& self, const CallArguments& arguments) {
       return loop_changed(runtime, *self.loop, arguments.positional);
     }},
};

const MethodEntry kCyclerMethods[] = {
    {"next", "",
     [](const Value& self, const Arguments&) {
       Cycler& cycler = *self.cycler;
       const Value out = cycler.items[cycler.position];
       cycler.position = (cycler.position + 1) % cycler.items.size();
       return out;
     }},
    {"reset", "",
     [](const Value& self, const Arguments&) {
       self.cycler->position = 0;
       return Value::none();
     }},
};

const MethodEntry* find_in(std::span<const MethodEntry> entries, std::string_view name) {
  for (const MethodEntry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

Value call_method(Runtime& runtime, const Method& method, const CallArguments& arguments) {
  const MethodEntry& entry = *method.entry;
  if (entry.parameters == nullptr) return entry.raw(runtime, method.self, arguments);
  return entry.bound(method.self, Arguments(runtime, entry.name, entry.parameters, arguments));
}

const MethodEntry* find_method(const Value& owner, std::string_view name) {
  switch (owner.kind) {
    case Kind::kString: {
      const MethodEntry* found = find_in(string_text_methods(), name);
      return found != nullptr ? found : find_in(string_search_methods(), name);
    }
    case Kind::kList: {
      const MethodEntry* found = find_in(kSequenceMethods, name);
      return found != nullptr ? found : find_in(kListMethods, name);
    }
    case Kind::kTuple:
      return find_in(kSequenceMethods, name);
    case Kind::kDict:
      return find_in(kDictMethods, name);
    case Kind::kRange:
      return find_in(kRangeMethods, name);
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kBig:
      return find_in(kIntegerMethods, name);
    case Kind::kFloat:
      return find_in(kFloatMethods, name);
    case Kind::kLoop:
      return find_in(kLoopMethods, name);
    case Kind::kCycler:
      return find_in(kCyclerMethods, name);
    default:
      return nullptr;
  }
}

bool is_mutating_method(const Value& owner, std::string_view name) {
  static constexpr std::string_view kOfLists[] = {"append", "clear",  "extend",  "insert",
                                                  "pop",    "remove", "reverse", "sort"};
  static constexpr std::string_view kOfDicts[] = {"clear", "pop", "popitem", "setdefault", "update"};
  if (owner.is(Kind::kList)) return std::ranges::find(kOfLists, name) != std::end(kOfLists);
  if (owner.is(Kind::kDict)) return std::ranges::find(kOfDicts, name) != std::end(kOfDicts);
  return false;
}

}  // namespace atelier::text::jinja
