#include "plan/machine_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace atelier::plan {
namespace {

constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();

std::optional<std::int64_t> read_number(const char* path) {
  std::ifstream in(path);
  std::int64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

// A line of /proc/meminfo, in bytes.
std::int64_t meminfo(std::string_view wanted) {
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  std::int64_t kibibytes = 0;
  while (in >> key >> kibibytes) {
    std::getline(in, unit);
    if (key == wanted) return kibibytes * 1024;
  }
  return kUnknown;
}

std::int64_t known_or_zero(std::int64_t bytes) {
  return bytes == kUnknown ? 0 : bytes;
}

}  // namespace

std::int64_t available_memory() {
  std::int64_t least = meminfo("MemAvailable:");
  const auto limit = read_number("/sys/fs/cgroup/memory.max");  // "max" = none
  const auto used = read_number("/sys/fs/cgroup/memory.current");
  if (limit && used) least = std::min(least, std::max<std::int64_t>(*limit - *used, 1));
  return known_or_zero(least);
}

std::int64_t whole_memory() {
  return known_or_zero(
      std::min(meminfo("MemTotal:"), read_number("/sys/fs/cgroup/memory.max").value_or(kUnknown)));
}

}  // namespace atelier::plan
