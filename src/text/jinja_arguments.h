// Arguments binds a call's arguments to the parameters a built-in function declares, as Python would.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "text/jinja_runtime.h"

namespace atelier::text::jinja {

class Arguments {
 public:
  // `parameters`: names, an optional one ends in '=': "value, width=, first=". Raises kType where they do not
  // fit.
  Arguments(Runtime& runtime, std::string_view function, std::string_view parameters,
            const CallArguments& call);

  const Value& operator[](std::size_t index) const { return values_[index]; }
  bool has(std::size_t index) const { return !values_[index].is_missing(); }
  bool is_given(std::size_t index) const { return has(index) && !values_[index].is_none(); }
  bool flag(std::size_t index) const;                                  // truth; false where absent
  std::int64_t integer(std::size_t index, std::int64_t absent) const;  // __index__
  const Str& string(std::size_t index) const;                          // kType where it is none
  Runtime& runtime() const { return runtime_; }

 private:
  static constexpr std::size_t kMost = 8;
  Runtime& runtime_;
  std::string_view function_;
  std::array<Value, kMost> values_;
};

}  // namespace atelier::text::jinja
