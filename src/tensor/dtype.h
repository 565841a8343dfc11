// The element types tensors come in: plain floats and GGUF's block formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace atelier {

enum class DType : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
};

struct DTypeTraits {
  std::string_view name;      // as GGUF spells it: "Q4_K"
  std::int64_t block_values;  // values in one block; 1 for plain floats
  std::int64_t block_bytes;
};

constexpr DTypeTraits traits(DType type) {
  switch (type) {
    case DType::kF32:
      return {"F32", 1, 4};
    case DType::kF16:
      return {"F16", 1, 2};
    case DType::kBF16:
      return {"BF16", 1, 2};
    case DType::kQ4_0:
      return {"Q4_0", 32, 18};
    case DType::kQ4_1:
      return {"Q4_1", 32, 20};
    case DType::kQ5_0:
      return {"Q5_0", 32, 22};
    case DType::kQ5_1:
      return {"Q5_1", 32, 24};
    case DType::kQ8_0:
      return {"Q8_0", 32, 34};
    case DType::kQ2_K:
      return {"Q2_K", 256, 84};
    case DType::kQ3_K:
      return {"Q3_K", 256, 110};
    case DType::kQ4_K:
      return {"Q4_K", 256, 144};
    case DType::kQ5_K:
      return {"Q5_K", 256, 176};
    case DType::kQ6_K:
      return {"Q6_K", 256, 210};
    case DType::kIQ4_NL:
      return {"IQ4_NL", 32, 18};
  }
  return {"?", 1, 1};
}

constexpr bool is_quantised(DType type) {
  return traits(type).block_values > 1;
}

// Bytes of one row of `values`, which must be a whole number of blocks (else nullopt).
constexpr std::optional<std::int64_t> row_bytes(DType type, std::int64_t values) {
  const DTypeTraits t = traits(type);
  if (values < 0 || values % t.block_values != 0) return std::nullopt;
  std::int64_t bytes;
  if (__builtin_mul_overflow(values / t.block_values, t.block_bytes, &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace atelier
