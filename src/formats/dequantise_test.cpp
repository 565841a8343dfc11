// Every block format against what gguf-py reads from the same bytes, bit for bit.
#include "formats/dequantise.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/test_data.h"

namespace atelier::formats {
namespace {

constexpr DType kGolden[] = {DType::kF16,  DType::kBF16, DType::kQ4_0,  DType::kQ4_1, DType::kQ5_0,
                             DType::kQ5_1, DType::kQ8_0, DType::kQ2_K,  DType::kQ3_K, DType::kQ4_K,
                             DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL};

std::vector<float> floats(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

class GoldenBlocks : public testing::TestWithParam<DType> {
 protected:
  void check(const std::string& folder) {
    const std::string name = folder + "/" + std::string(traits(GetParam()).name);
    const auto blocks = test_data(name + ".blocks.bin"), values = test_data(name + ".f32.bin");
    if (!blocks || !values) GTEST_SKIP() << name << " is not here";
    const std::string bytes = read_file(*blocks);
    const std::vector<float> expected = floats(read_file(*values));
    ASSERT_GE(expected.size(), 2048u);
    std::vector<float> got(expected.size());
    dequantise(GetParam(), std::as_bytes(std::span(bytes)), got);
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (std::isnan(expected[i]) && std::isnan(got[i])) continue;
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(expected[i]))
          << "value " << i << ": " << got[i] << " for " << expected[i];
    }
  }
};

TEST_P(GoldenBlocks, InTheTree) {
  check("blocks");
}
TEST_P(GoldenBlocks, BesideTheCheckout) {
  check("golden/blocks");
}

INSTANTIATE_TEST_SUITE_P(Types, GoldenBlocks, testing::ValuesIn(kGolden),
                         [](const auto& type) { return std::string(traits(type.param).name); });

TEST(Dequantise, CopiesF32) {
  const std::vector<float> in = {0.0f, -1.5f, 3e38f, 1e-45f};
  std::vector<float> out(in.size());
  dequantise(DType::kF32, std::as_bytes(std::span(in)), out);
  EXPECT_EQ(in, out);
}

TEST(Dequantise, NothingFromNothing) {
  dequantise(DType::kQ4_K, {}, {});
}

TEST(DequantiseDeathTest, RefusesHalfBlocks) {
  const std::vector<std::byte> bytes(18);
  std::vector<float> out(31);
  EXPECT_DEATH(dequantise(DType::kQ4_0, bytes, out), "check failed");
}

}  // namespace
}  // namespace atelier::formats
