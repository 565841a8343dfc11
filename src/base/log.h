// One line per event on stderr: "14:05:09 info  message". Never prompts, never keys.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace atelier {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

void set_log_level(LogLevel least);                       // default kInfo; thread-safe
void log_line(LogLevel level, std::string_view message);  // any thread; lines never mix

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace atelier
