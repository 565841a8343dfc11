#include "app/process_stats.h"

#include <time.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace atelier::app {

std::int64_t peak_memory_bytes() {
  std::ifstream in("/proc/self/status");
  std::string key, line;
  while (in >> key) {
    std::int64_t kibibytes = 0;
    if (key == "VmHWM:" && in >> kibibytes) return kibibytes * 1024;
    std::getline(in, line);
  }
  return 0;
}

double seconds_since_process_start() {
  std::ifstream in("/proc/self/stat");
  std::string stat((std::istreambuf_iterator<char>(in)), {});
  const std::size_t name_end = stat.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  double start_ticks = 0;  // field 22: since boot
  timespec now{};
  if (!(fields >> start_ticks) || clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  const double ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9 -
         start_ticks / ticks_per_second;
}

}  // namespace atelier::app
