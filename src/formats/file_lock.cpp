#include "formats/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace atelier::formats {
namespace {

// False where whoever held the lock removed its file: ours is then a lock on nothing.
bool still_there(int fd, const std::filesystem::path& path) {
  struct stat ours{}, theirs{};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &theirs) == 0 && ours.st_ino == theirs.st_ino &&
         ours.st_dev == theirs.st_dev;
}

}  // namespace

Result<FileLock> FileLock::take(const std::filesystem::path& path, std::string_view what) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  bool said = false;
  for (;;) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664);
    if (fd < 0) return fail(Fault::kIo, "cannot write {}: {}", path.string(), std::strerror(errno));
    FileLock lock(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) {
        log_warning("{} cannot be locked ({}): fetch {} with one program at a time", path.string(),
                    std::strerror(errno), what);
        return lock;
      }
      if (!std::exchange(said, true)) log_info("another program is fetching {}; waiting for it", what);
      while (::flock(fd, LOCK_EX) != 0 && errno == EINTR) {
      }
    }
    if (still_there(fd, path)) return lock;
  }
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace atelier::formats
