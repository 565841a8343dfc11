// How a command tells that it failed: one line on stderr and an exit status.
#pragma once

#include "base/result.h"

namespace atelier::app {

// Prints "atelier: MESSAGE" on stderr; 2 where the failure's param is an option ("--max-model-len": the
// command line asked for what cannot be), else 1.
int report(const Failure& failure);

}  // namespace atelier::app
