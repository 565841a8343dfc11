// What the interpreter hands to templates as values: a Macro is a function of the template, a BlockReference
// one of its blocks. Only the interpreter calls them.
#pragma once

#include <string_view>

#include "text/jinja_value.h"

namespace atelier::text::jinja {

struct MacroNode;
struct BlockNode;
struct Activation;

struct Macro {
  const Str* name;  // nullptr: the body of a call block
  const MacroNode* node;
  Activation* closure;
};

struct BlockReference {
  std::string_view name;
  const BlockNode* node;
};

}  // namespace atelier::text::jinja
