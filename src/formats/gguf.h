// GGUF v2/v3 (ggml's model file): typed metadata and tensors. Every count, length, offset and product read
// from the file is checked before it is used. Spec: ggml docs/gguf.md.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "formats/tensor_source.h"

namespace atelier::formats {

// Numbers are widened; arrays keep one element type.
using GgufValue = std::variant<std::int64_t, std::uint64_t, double, bool, std::string,
                               std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

class GgufFile : public TensorSource {
 public:
  static Result<std::unique_ptr<GgufFile>> open(const std::filesystem::path& path);
  // For tests and fuzzing: `bytes` must outlive the file.
  static Result<std::unique_ptr<GgufFile>> parse(std::span<const std::byte> bytes);

  virtual const GgufValue* metadata(std::string_view key) const = 0;                       // nullptr: absent
  virtual const std::vector<std::pair<std::string, GgufValue>>& all_metadata() const = 0;  // in file order
  virtual int version() const = 0;

  // Typed look-ups: nullopt where the key is absent or of another type.
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;  // integers count
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string> string(std::string_view key) const;
  const std::vector<std::string>* strings(std::string_view key) const;
};

}  // namespace atelier::formats
