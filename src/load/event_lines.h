// EventLines cuts a text/event-stream into the payloads of its "data:" lines, however the bytes were cut on
// their way.
#pragma once

#include <string>
#include <string_view>

namespace atelier::load {

class EventLines {
 public:
  // Calls on_data(std::string_view) for each payload that is complete with these bytes. A line of more than
  // 16 MiB is dropped.
  template <class OnData>
  void feed(std::string_view bytes, const OnData& on_data) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      if (end == bytes.npos) return keep(bytes);
      std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      if (!kept_.empty()) {
        keep(line);
        line = kept_;
      }
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.starts_with("data:")) {
        line.remove_prefix(line.starts_with("data: ") ? 6 : 5);
        on_data(line);
      }
      kept_.clear();
    }
  }

 private:
  void keep(std::string_view bytes) {
    constexpr std::size_t kMaxLine = 16u << 20;
    if (kept_.size() + bytes.size() <= kMaxLine) kept_ += bytes;
  }

  std::string kept_;  // the beginning of a line that is not complete
};

}  // namespace atelier::load
