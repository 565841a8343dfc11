// A LineReader asks for the next line of a chat: on a terminal with editing and a history that is kept
// between chats, from a pipe one line after the other.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace atelier::app {

// One at a time, main thread.
class LineReader {
 public:
  LineReader();
  ~LineReader();  // writes the history
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  bool interactive() const { return interactive_; }

  // nullopt at the end of the input. On a terminal SIGINT empties the line and asks again.
  std::optional<std::string> next();

 private:
  std::optional<std::string> ask();

  bool interactive_;
  std::filesystem::path history_;  // "" = nowhere to keep one
};

}  // namespace atelier::app
