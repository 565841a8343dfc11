// The choice of a function table, made once from the processor's feature bits; --isa forces one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernels/ops.h"

namespace atelier::kernels {

std::vector<const Ops*> available_tables();  // slowest first; the last is the default
// "" = the best. kUnsupported names the ones this machine has.
Result<const Ops*> choose_table(std::string_view isa);

}  // namespace atelier::kernels
