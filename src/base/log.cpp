#include "base/log.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <mutex>

namespace atelier {
namespace {

std::atomic<LogLevel> g_least{LogLevel::kInfo};
std::mutex g_stderr;  // guards whole lines on stderr

constexpr std::string_view name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info ";
    case LogLevel::kWarning:
      return "warn ";
    case LogLevel::kError:
      return "error";
  }
  return "?";
}

}  // namespace

void set_log_level(LogLevel least) {
  g_least = least;
}

void log_line(LogLevel level, std::string_view message) {
  if (level < g_least.load(std::memory_order_relaxed)) return;
  std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  fmt::memory_buffer line;
  fmt::format_to(std::back_inserter(line), "{:02}:{:02}:{:02} {} {}", local.tm_hour, local.tm_min,
                 local.tm_sec, name(level), message);
  // Messages quote files and clients: those begin no line of their own and move no cursor.
  std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  line.push_back('\n');
  std::lock_guard lock(g_stderr);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace atelier
