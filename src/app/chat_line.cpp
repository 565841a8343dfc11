#include "app/chat_line.h"

#include <readline/history.h>
#include <readline/readline.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <system_error>

namespace atelier::app {
namespace {

constexpr int kHistoryLines = 1000;

// $XDG_STATE_HOME/atelier/chat_history, by default under ~/.local/state.
std::filesystem::path history_path() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path folder;
  if (state != nullptr && *state == '/') {
    folder = state;
  } else if (home != nullptr && *home == '/') {
    folder = std::filesystem::path(home) / ".local/state";
  } else {
    return {};
  }
  folder /= "atelier";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? std::filesystem::path() : folder / "chat_history";
}

void ignore(int) {}

// Called by readline when a signal came while it was reading: the line so far is dropped.
int start_over() {
  rl_replace_line("", 0);
  rl_crlf();
  rl_on_new_line();
  rl_redisplay();
  return 0;
}

}  // namespace

LineReader::LineReader() : interactive_(::isatty(STDIN_FILENO) == 1) {
  // Between answers SIGINT must not end the program.
  struct sigaction action{};
  action.sa_handler = ignore;
  action.sa_flags = interactive_ ? 0 : SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  if (!interactive_) return;
  history_ = history_path();
  rl_readline_name = "atelier";
  rl_signal_event_hook = start_over;
  rl_bind_key('\t', rl_insert);
  using_history();
  stifle_history(kHistoryLines);
  if (!history_.empty()) read_history(history_.c_str());
}

LineReader::~LineReader() {
  if (interactive_ && !history_.empty()) write_history(history_.c_str());
}

std::optional<std::string> LineReader::next() {
  if (interactive_) return ask();
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

std::optional<std::string> LineReader::ask() {
  const std::unique_ptr<char, decltype(&std::free)> line(readline("> "), &std::free);
  if (line == nullptr) {
    std::fputs("\n", stdout);
    return std::nullopt;
  }
  std::string text = line.get();
  if (!text.empty()) add_history(text.c_str());
  return text;
}

}  // namespace atelier::app
