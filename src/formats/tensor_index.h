// A TensorIndex holds the tensors of one source and finds them by name. Building one is where the checks live
// that every format shares: sizes that do not wrap, unique names, no two tensors over the same bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/tensor_source.h"

namespace atelier::formats {

// Bytes of a tensor of that shape; refuses negative extents, rows that are no whole number of blocks, and
// products of more than 2^62 values or bytes.
Result<std::int64_t> tensor_bytes(std::string_view name, DType dtype, std::span<const std::int64_t> shape);

// No control characters: names go into messages and onto terminals.
bool is_printable(std::string_view name);

// Immutable once built: any thread.
class TensorIndex {
 public:
  // Keeps the order of `entries`. kCorrupt where two share a name or a byte.
  static Result<TensorIndex> build(std::vector<TensorEntry> entries);

  TensorIndex() = default;
  std::span<const TensorEntry> entries() const { return entries_; }
  const TensorEntry* find(std::string_view name) const;  // nullptr: no such tensor
  std::vector<TensorEntry> take() && { return std::move(entries_); }

 private:
  std::vector<TensorEntry> entries_;
  std::vector<std::uint32_t> by_name_;  // positions in entries_, sorted by name: no hash for a file to flood
};

}  // namespace atelier::formats
