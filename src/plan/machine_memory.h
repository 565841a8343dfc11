// How much memory this machine has for us.
#pragma once

#include <cstdint>

namespace atelier::plan {

// Bytes that this process can still take without swapping: MemAvailable, or what its control group leaves,
// whichever is less. 0 where neither can be read.
std::int64_t available_memory();

// Bytes that the machine has, or that its control group allows, whichever is less. 0: unknown.
std::int64_t whole_memory();

}  // namespace atelier::plan
