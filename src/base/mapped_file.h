// A MappedFile is a whole file seen as read-only bytes. Pages come from disk when first read.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace atelier {

class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // What the file was when it was opened: device, inode, size and time of its last change, in words. Another
  // file in its place, or another content, has another stamp.
  const std::string& stamp() const { return stamp_; }

  // Lets the pages wholly inside `part` go from this process's memory; reading them again fetches them again.
  void release(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::string stamp_;
};

}  // namespace atelier
