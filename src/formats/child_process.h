// A ChildProcess is a program we started and wait for. It is ended when we are (also by kill -9) or when its
// owner goes.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace atelier::formats {

class ChildProcess {
 public:
  struct Options {
    std::filesystem::path output;                                  // stdout and stderr go to this file
    std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  };
  // argv[0] is looked up in PATH; stdin is empty. kNotFound where there is no such program.
  static Result<ChildProcess> start(const std::vector<std::string>& argv, const Options& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  // still running: SIGTERM, then waits

  // The exit status once it has ended (128 + signal where one ended it); nullopt while it runs.
  std::optional<int> poll();

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;  // -1: ended, or moved away
  int status_ = 0;
};

}  // namespace atelier::formats
