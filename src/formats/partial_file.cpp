#include "formats/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "base/terminal.h"

namespace atelier::formats {
namespace {

namespace fs = std::filesystem;

std::unexpected<Failure> disk_failure(const fs::path& file, int error, std::int64_t missing_bytes) {
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return fail(
        Fault::kIo,
        "the disk is full: {} still needs {}; make room, or set HF_HUB_CACHE to another disk (what is "
        "here already is kept)",
        file.string(), format_bytes(missing_bytes));
  }
  return fail(Fault::kIo, "cannot write {}: {}", file.string(), std::strerror(error));
}

// Makes a rename survive a power cut; a file system that cannot is no reason to fail.
void flush_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

Result<PartialFile> PartialFile::open(fs::path place, std::int64_t bytes, Checksum checksum) {
  std::error_code error;
  fs::create_directories(place.parent_path(), error);
  const fs::path partial = place.string() + ".incomplete";
  const int fd = ::open(partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return fail(Fault::kIo, "cannot write {}: {}", partial.string(), std::strerror(errno));
  PartialFile file(std::move(place), bytes, std::move(checksum), fd);
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail(Fault::kIo, "{} is not a regular file", partial.string());
  }
  file.size_ = status.st_size;
  if (file.size_ > bytes) {
    ATELIER_TRY_STATUS(file.cut_to(0));
  } else {
    ATELIER_TRY_STATUS(file.rehash());
  }
  const fs::space_info space = fs::space(partial.parent_path(), error);
  const auto missing = static_cast<std::uintmax_t>(bytes - file.size_);
  if (!error && space.available < missing) {
    return fail(Fault::kIo,
                "the disk is full: {} still needs {} and {} are free; make room, or set HF_HUB_CACHE "
                "to another disk",
                partial.string(), format_bytes(static_cast<std::int64_t>(missing)),
                format_bytes(static_cast<std::int64_t>(space.available)));
  }
  return file;
}

PartialFile::PartialFile(fs::path place, std::int64_t bytes, Checksum checksum, int fd)
    : place_(std::move(place)),
      partial_(place_.string() + ".incomplete"),
      whole_size_(bytes),
      checksum_(std::move(checksum)),
      digest_(checksum_.kind, bytes),
      fd_(fd) {}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : place_(std::move(other.place_)),
      partial_(std::move(other.partial_)),
      whole_size_(other.whole_size_),
      size_(other.size_),
      checksum_(std::move(other.checksum_)),
      digest_(std::move(other.digest_)),
      fd_(std::exchange(other.fd_, -1)) {}

PartialFile::~PartialFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status PartialFile::append(std::span<const std::byte> bytes) {
  if (bytes.size() > static_cast<std::uint64_t>(whole_size_ - size_)) {
    return fail(Fault::kCorrupt, "{} has {} bytes, but more than that arrived", place_.filename().string(),
                whole_size_);
  }
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), size_);
    if (written < 0) {
      if (errno == EINTR) continue;
      return disk_failure(partial_, errno, whole_size_ - size_);
    }
    const auto part = bytes.first(static_cast<std::size_t>(written));
    digest_.add(part);
    size_ += written;
    bytes = bytes.subspan(part.size());
  }
  return {};
}

Status PartialFile::cut_to(std::int64_t bytes) {
  if (::ftruncate(fd_, bytes) != 0) return disk_failure(partial_, errno, whole_size_);
  size_ = bytes;
  return rehash();
}

Status PartialFile::finish() {
  if (size_ != whole_size_) {
    return fail(Fault::kCorrupt, "{}: {} of {} bytes arrived", place_.filename().string(), size_,
                whole_size_);
  }
  if (const std::string hex = digest_.hex();
      checksum_.kind != Checksum::Kind::kNone && hex != checksum_.hex) {
    ::unlink(partial_.c_str());
    return fail(Fault::kCorrupt, "{}: the {} of what arrived is {}, but it must be {}; removed it",
                place_.filename().string(), checksum_.kind_name(), hex, checksum_.hex);
  }
  if (::fsync(fd_) != 0) return disk_failure(partial_, errno, 0);
  if (::rename(partial_.c_str(), place_.c_str()) != 0) return disk_failure(place_, errno, 0);
  flush_folder(place_.parent_path());
  return {};
}

Status PartialFile::rehash() {
  digest_ = Digest(checksum_.kind, whole_size_);
  if (checksum_.kind == Checksum::Kind::kNone) return {};
  std::vector<std::byte> buffer(1 << 20);
  for (std::int64_t at = 0; at < size_;) {
    const auto want = std::min<std::int64_t>(size_ - at, static_cast<std::int64_t>(buffer.size()));
    const ssize_t got = ::pread(fd_, buffer.data(), static_cast<std::size_t>(want), at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Fault::kIo, "cannot read {}: {}", partial_.string(), std::strerror(errno));
    digest_.add(std::span(buffer).first(static_cast<std::size_t>(got)));
    at += got;
  }
  return {};
}

}  // namespace atelier::formats
