// The functions every template finds: range, dict, namespace, cycler, joiner, raise_exception, strftime_now.
#pragma once

#include <string_view>

#include "text/jinja_value.h"

namespace atelier::text::jinja {

const Function* find_global(std::string_view name);  // nullptr: there is none

}  // namespace atelier::text::jinja
