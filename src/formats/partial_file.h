// A PartialFile is a file still on its way: it grows as "<place>.incomplete" and is hashed as it grows, and
// only a whole one with the right hash is renamed to its place. Left behind by a crash or Ctrl-C it is where
// the next attempt goes on. One owner at a time: hold the place's FileLock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"
#include "formats/digest.h"

namespace atelier::formats {

class PartialFile {
 public:
  // Opens or creates it and hashes what is there already; what is longer than `bytes` starts again from
  // nothing. kIo where the disk has not the room for the rest.
  static Result<PartialFile> open(std::filesystem::path place, std::int64_t bytes, Checksum checksum);

  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile();  // closes; keeps what is there

  std::int64_t size() const { return size_; }
  std::int64_t whole_size() const { return whole_size_; }
  const Checksum& checksum() const { return checksum_; }
  const std::filesystem::path& place() const { return place_; }

  // kCorrupt beyond whole_size(); kIo where the disk is full (what was written before stays).
  Status append(std::span<const std::byte> bytes);

  // Keeps the first `bytes` only.
  Status cut_to(std::int64_t bytes);

  // Size and hash right: flushed to the disk and renamed. Hash wrong: removed, kCorrupt.
  Status finish();

 private:
  PartialFile(std::filesystem::path place, std::int64_t bytes, Checksum checksum, int fd);
  Status rehash();

  std::filesystem::path place_, partial_;
  std::int64_t whole_size_, size_ = 0;
  Checksum checksum_;
  Digest digest_;
  int fd_;
};

}  // namespace atelier::formats
