#include "kernels/packed_matrix.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/test_data.h"
#include "kernels/panel_layout.h"
#include "kernels/random_weights.h"

namespace atelier::kernels {
namespace {

std::vector<float> unpack_all(const PackedMatrix& matrix) {
  std::vector<float> out(static_cast<std::size_t>(matrix.n * matrix.k));
  for (std::int64_t row = 0; row < matrix.n; ++row) unpack_row(matrix, row, out.data() + row * matrix.k);
  return out;
}

// Bits, but any NaN equals any.
bool same_bits(float a, float b) {
  return (a != a && b != b) || std::memcmp(&a, &b, 4) == 0;
}

class Kinds : public testing::TestWithParam<DType> {};

std::string kind_name(const testing::TestParamInfo<DType>& info) {
  return std::string(traits(info.param).name);
}

INSTANTIATE_TEST_SUITE_P(PackedMatrix, Kinds, testing::ValuesIn(kAllKinds), kind_name);

// The golden blocks as a matrix of several rows: every value must come back as gguf-py reads it.
TEST_P(Kinds, UnpackAsGgufPyReadsThem) {
  const std::string name = std::string(traits(GetParam()).name);
  const auto blocks = test_data("golden/blocks/" + name + ".blocks.bin");
  const auto values = test_data("golden/blocks/" + name + ".f32.bin");
  if (!blocks || !values) GTEST_SKIP() << "golden/blocks/" << name << " is not here";
  const std::string bytes = read_file(*blocks), floats = read_file(*values);
  const std::int64_t count = static_cast<std::int64_t>(floats.size() / 4);
  const std::int64_t rows = is_quantised(GetParam()) ? 32 : 17;
  const std::int64_t k = count / rows / traits(GetParam()).block_values * traits(GetParam()).block_values;
  ASSERT_GT(k, 0);

  PackedMatrix matrix = allocate_packed(GetParam(), rows, k);
  pack_panels(matrix, std::as_bytes(std::span(bytes)), {}, 0, matrix.panels);
  const std::vector<float> got = unpack_all(matrix);
  for (std::size_t i = 0; i < got.size(); ++i) {
    float expected;
    std::memcpy(&expected, floats.data() + 4 * i, 4);
    ASSERT_TRUE(same_bits(got[i], expected))
        << name << " value " << i << ": " << got[i] << " for " << expected;
  }
}

TEST_P(Kinds, PanelsPackApartAndInAnyOrderOfRows) {
  const std::int64_t n = 37, k = 512;
  const RandomWeights whole = random_weights(GetParam(), n, k, 1);
  std::vector<std::int32_t> order(n);
  for (std::int32_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = (i * 5 + 3) % n;
  PackedMatrix shuffled = allocate_packed(GetParam(), n, k);
  pack_panels(shuffled, whole.bytes, order, 2, 3);
  pack_panels(shuffled, whole.bytes, order, 0, 2);
  std::vector<float> a(k), b(k);
  for (std::int64_t row = 0; row < n; ++row) {
    unpack_row(shuffled, row, a.data());
    unpack_row(whole.matrix, order[static_cast<std::size_t>(row)], b.data());
    ASSERT_EQ(std::memcmp(a.data(), b.data(), sizeof(float) * k), 0) << row;
  }
}

// Scales of 6 bits become bytes; nothing else grows by more than the padding of a record.
TEST_P(Kinds, StayTheSizeOfTheFile) {
  const std::int64_t n = 160, k = 2048;
  const PackedMatrix matrix = allocate_packed(GetParam(), n, k);
  const double file = static_cast<double>(*row_bytes(GetParam(), k) * n);
  EXPECT_LE(static_cast<double>(matrix.data.size()) / file, 1.055) << traits(GetParam()).name;
}

TEST_P(Kinds, EveryRecordStartsOnALine) {
  EXPECT_EQ(panel_layout(GetParam()).record_bytes % 64, 0);
}

// Lengths of k that do not fill a record or a group.
TEST_P(Kinds, OddLengthsKeepTheirValues) {
  const bool quantised = is_quantised(GetParam());
  for (const std::int64_t k : {std::int64_t{1}, std::int64_t{33}, std::int64_t{96}, std::int64_t{256}}) {
    if (k % traits(GetParam()).block_values != 0) continue;
    const RandomWeights w = random_weights(GetParam(), 3, k, 2);
    const RandomWeights alone{
        std::vector<std::byte>(w.bytes.begin() + *row_bytes(GetParam(), k) * 2, w.bytes.end()),
        allocate_packed(GetParam(), 1, k)};
    PackedMatrix last = allocate_packed(GetParam(), 1, k);
    pack_panels(last, alone.bytes, {}, 0, 1);
    std::vector<float> a(static_cast<std::size_t>(k)), b(static_cast<std::size_t>(k));
    unpack_row(w.matrix, 2, a.data());
    unpack_row(last, 0, b.data());
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * 4), 0) << k << quantised;
  }
}

}  // namespace
}  // namespace atelier::kernels
