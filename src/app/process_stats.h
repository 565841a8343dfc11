// What the operating system says of this process.
#pragma once

#include <cstdint>

namespace atelier::app {

std::int64_t peak_memory_bytes();      // the most it ever held (VmHWM); 0 where unknown
double seconds_since_process_start();  // to 10 ms, the kernel's own clock; 0 where unknown

}  // namespace atelier::app
