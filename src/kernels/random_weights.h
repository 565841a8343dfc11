// Random weights in any of the file's formats, with finite scales of a plausible size. For tests and
// measurements.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "kernels/packed_matrix.h"
#include "tensor/half.h"

namespace atelier::kernels {

struct RandomWeights {
  std::vector<std::byte> bytes;
  PackedMatrix matrix;
};

// Where a block keeps its f16 scales.
inline std::vector<std::int64_t> scale_offsets(DType type) {
  switch (type) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108};
    case DType::kQ6_K:
      return {208};
    default:
      return {0};
  }
}

inline std::vector<std::byte> random_rows(DType type, std::int64_t n, std::int64_t k, unsigned seed) {
  std::mt19937_64 random(seed);
  const DTypeTraits t = traits(type);
  const std::int64_t blocks = n * k / t.block_values;
  std::vector<std::byte> out(static_cast<std::size_t>(blocks * t.block_bytes));
  std::normal_distribution<float> normal(0.0f, 1.0f);
  const auto put = [&out](std::int64_t at, const auto& value) {
    std::memcpy(out.data() + at, &value, sizeof value);
  };
  if (!is_quantised(type)) {
    for (std::int64_t i = 0; i < blocks; ++i) {
      const float value = normal(random);
      if (type == DType::kF32) put(i * 4, value);
      if (type == DType::kF16) put(i * 2, f16_from_f32(value));
      if (type == DType::kBF16) put(i * 2, bf16_from_f32(value));
    }
    return out;
  }
  for (std::size_t i = 0; i + 8 <= out.size(); i += 8) put(static_cast<std::int64_t>(i), random());
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (const std::int64_t offset : scale_offsets(type))
      put(block * t.block_bytes + offset, f16_from_f32(normal(random) * 0.01f));
  }
  return out;
}

inline RandomWeights random_weights(DType type, std::int64_t n, std::int64_t k, unsigned seed) {
  RandomWeights out{random_rows(type, n, k, seed), allocate_packed(type, n, k)};
  pack_panels(out.matrix, out.bytes, {}, 0, out.matrix.panels);
  return out;
}

inline constexpr DType kAllKinds[] = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kQ4_0,  DType::kQ4_1,
                                      DType::kQ5_0, DType::kQ5_1, DType::kQ8_0, DType::kQ2_K,  DType::kQ3_K,
                                      DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL};

}  // namespace atelier::kernels
