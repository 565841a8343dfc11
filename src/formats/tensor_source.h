// A TensorSource is a file (or a folder of shards) of named tensors, mapped, checked and not yet read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"

namespace atelier::formats {

struct TensorEntry {
  std::string name;
  DType dtype;
  std::vector<std::int64_t> shape;   // outermost first: [rows, cols] for a matrix, as PyTorch prints it
  std::span<const std::byte> bytes;  // exactly the tensor's bytes, already checked against the file's size

  std::int64_t values() const {
    std::int64_t product = 1;
    for (std::int64_t extent : shape) product *= extent;
    return product;
  }
};

// Immutable after opening: any thread.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  virtual std::span<const TensorEntry> tensors() const = 0;
  virtual const TensorEntry* find(std::string_view name) const = 0;  // nullptr: no such tensor
  // The entry's pages will not be needed again soon; they leave this process's memory.
  virtual void release(const TensorEntry& entry) const = 0;
  virtual std::int64_t file_bytes() const = 0;
  // MappedFile's stamps of what it reads, a line each; "" where there are no files.
  virtual std::string stamp() const { return {}; }
};

}  // namespace atelier::formats
