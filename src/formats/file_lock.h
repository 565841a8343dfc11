// A FileLock keeps other processes from fetching the same file at the same time (flock; Hugging Face's own
// client takes the same locks). Destroying it, or the process's end, lets the next one in.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace atelier::formats {

class FileLock {
 public:
  // Waits until the lock is free; says so once on stderr, naming `what`. Creates the file and its folder.
  // A file system that knows no locks gives a lock that holds nobody back, and a warning.
  static Result<FileLock> take(const std::filesystem::path& path, std::string_view what);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace atelier::formats
