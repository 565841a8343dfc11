// Gives every name of a Tree its Place, by Jinja2's rules: which bodies have variables of their own, which
// names a body takes from the context on entry, which alias an outer variable. The rules are observable (a
// name set after a loop is undefined inside it even where the context has it), so they are followed to the
// letter.
#pragma once

#include "text/jinja_nodes.h"

namespace atelier::text::jinja {

// Raises kSyntax for filters and tests that do not exist.
void place_names(Tree& tree);

}  // namespace atelier::text::jinja
