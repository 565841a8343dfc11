// A PackedFile keeps a model's packed weights, so that later starts map them instead of packing again: no
// page has to be cleared, filled and paid for, and processes that run the same model share one copy.
//
// The file is the bytes as they lie in memory, zeros up to a whole page, and a text that says of what they
// are
// (`identity`). The text is not parsed: a file counts only if it is, byte for byte, the one that would be
// written. Whole or not there: it is written beside its place, flushed and renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "base/result.h"
#include "tensor/aligned_buffer.h"

namespace atelier::formats {

class PackedFile {
 public:
  using Progress = std::function<void(std::int64_t done_bytes)>;

  // `identity`: of what and how the weights were packed; `bytes`: how many they are.
  PackedFile(std::filesystem::path place, std::string identity, std::size_t bytes);

  // Read-only. Pages that are not in memory are read from the disk before it returns. kNotFound: there is no
  // file; kCorrupt: it holds something else; kIo: it cannot be read.
  Result<AlignedBuffer> map(const Progress& progress = {}) const;

  // Makes the folder where it is missing. Waits while another process writes the same. kIo: no room, no
  // right to write.
  Status write(std::span<const std::byte> weights, const Progress& progress = {}) const;

  const std::filesystem::path& place() const { return place_; }

 private:
  std::filesystem::path place_;
  std::string ending_;  // zeros up to a whole page, and the text
  std::size_t bytes_;
};

}  // namespace atelier::formats
