#include "formats/packed_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

#include "formats/file_lock.h"

namespace atelier::formats {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;
// One write of so much becomes one huge page of the file where the file system has them.
constexpr std::size_t kWriteBytes = 8u << 20;
constexpr std::size_t kPopulateBytes = 64u << 20;

class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Failure> io_failure(const char* what, const fs::path& path) {
  return fail(Fault::kIo, "cannot {} {}: {}", what, path.string(), std::strerror(errno));
}

Status write_all(int fd, std::span<const std::byte> bytes, const fs::path& path,
                 const PackedFile::Progress& progress) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t wrote = ::write(fd, bytes.data() + done, std::min(kWriteBytes, bytes.size() - done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return io_failure("write", path);
    done += static_cast<std::size_t>(wrote);
    if (progress) progress(static_cast<std::int64_t>(done));
  }
  return {};
}

// Brings every page in, so that later reads neither wait for the disk nor end the process where the disk
// fails. Kernels before 5.14 do not know how; there pages come when they are read.
Status populate(const AlignedBuffer& buffer, const fs::path& path, const PackedFile::Progress& progress) {
  for (std::size_t at = 0; at < buffer.size(); at += kPopulateBytes) {
    const std::size_t bytes = std::min(kPopulateBytes, buffer.size() - at);
    if (::madvise(buffer.data() + at, bytes, MADV_POPULATE_READ) != 0) {
      if (errno == EINVAL) return {};
      return io_failure("read", path);
    }
    if (progress) progress(static_cast<std::int64_t>(at + bytes));
  }
  return {};
}

}  // namespace

PackedFile::PackedFile(fs::path place, std::string identity, std::size_t bytes)
    : place_(std::move(place)), ending_((kPage - bytes % kPage) % kPage, '\0'), bytes_(bytes) {
  ending_ += identity;
}

Result<AlignedBuffer> PackedFile::map(const Progress& progress) const try {
  const OpenFile file(::open(place_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0) {
    if (errno == ENOENT) return fail(Fault::kNotFound, "there is no {}", place_.string());
    return io_failure("open", place_);
  }
  struct stat status{};
  if (::fstat(file.fd(), &status) != 0) return io_failure("open", place_);
  std::string ending(ending_.size(), '\1');
  const bool holds = S_ISREG(status.st_mode) &&
                     static_cast<std::size_t>(status.st_size) == bytes_ + ending_.size() &&
                     ::pread(file.fd(), ending.data(), ending.size(), static_cast<off_t>(bytes_)) ==
                         static_cast<ssize_t>(ending.size()) &&
                     ending == ending_;
  if (!holds) return fail(Fault::kCorrupt, "{} holds other weights", place_.string());
  AlignedBuffer weights = AlignedBuffer::of_file(file.fd(), bytes_);
  ATELIER_TRY_STATUS(populate(weights, place_, progress));
  return weights;
} catch (const std::bad_alloc&) {
  return fail(Fault::kIo, "cannot map {} ({} bytes)", place_.string(), bytes_);
}

Status PackedFile::write(std::span<const std::byte> weights, const Progress& progress) const {
  const fs::path partial = place_.string() + ".incomplete";
  ATELIER_TRY(const FileLock lock, FileLock::take(place_.string() + ".lock", "packed weights"));
  const OpenFile file(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.fd() < 0) return io_failure("write", partial);
  const auto put_in_place = [&]() -> Status {
    // Room for all of it, asked for at once where the file system can tell.
    if (::fallocate(file.fd(), 0, 0, static_cast<off_t>(bytes_ + ending_.size())) != 0 && errno == ENOSPC)
      return io_failure("write", partial);
    ATELIER_TRY_STATUS(write_all(file.fd(), weights, partial, progress));
    ATELIER_TRY_STATUS(write_all(file.fd(), std::as_bytes(std::span(ending_)), partial, {}));
    if (::fsync(file.fd()) != 0) return io_failure("write", partial);
    if (::rename(partial.c_str(), place_.c_str()) != 0) return io_failure("rename", partial);
    return {};
  };
  Status done = put_in_place();
  if (!done) ::unlink(partial.c_str());
  return done;
}

}  // namespace atelier::formats
