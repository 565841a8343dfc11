#include "kernels/attention_ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/cpu_features.h"
#include "kernels/random_sequence.h"
#include "tensor/half.h"

namespace atelier::kernels {
namespace {

struct Table {
  const char* isa;
  const AttentionOps* ops;
};

std::vector<Table> tables() {
  std::vector<Table> out = {{"scalar", &kAttentionScalar}};
  if (cpu_features().avx2) out.push_back({"avx2", &kAttentionAvx2});
  if (cpu_features().avx512) out.push_back({"avx512", &kAttentionAvx512});
  return out;
}

std::vector<SequenceShape> shapes() {
  std::vector<SequenceShape> out;
  for (const DType dtype : {DType::kF16, DType::kF32})
    for (const std::int64_t head_dim : {16, 64, 80, 128})
      for (const std::int64_t group : {1, 3, 7, 8}) out.push_back({head_dim, 2, group, 75, dtype});
  out.push_back({20, 1, 2, 40, DType::kF16});   // head_dim no multiple of 16
  out.push_back({64, 1, 70, 33, DType::kF16});  // more heads than a tile's queries
  out.push_back({32, 1, 4, 300, DType::kF32});
  return out;
}

TEST(Attention, IsSoftmaxOfScoresTimesValues) {
  for (const SequenceShape& shape : shapes()) {
    RandomSequence sequence(shape);
    const std::vector<float> got = sequence.run(kAttentionScalar, kAttentionScalar.attend, shape.tokens);
    const std::vector<double> want = sequence.reference().out;
    // Scores up to ~40 carry head_dim eps |q||k| ~ 1e-5 absolute, which is the relative error of a weight;
    // values are of size 1.
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
    EXPECT_LT(worst, 4e-5) << describe(shape);
  }
}

TEST(Attention, EveryIsaGivesTheSameBits) {
  for (const SequenceShape& shape : shapes()) {
    RandomSequence sequence(shape);
    const std::vector<float> reference =
        sequence.run(kAttentionScalar, kAttentionScalar.attend, shape.tokens);
    for (const Table& table : tables())
      EXPECT_TRUE(same_bits(sequence.run(*table.ops, table.ops->attend, shape.tokens), reference))
          << table.isa << ", " << describe(shape);
  }
}

TEST(Attention, RowsOneAtATimeGiveTheSameBitsAsAllAtOnce) {
  for (const Table& table : tables())
    for (const SequenceShape& shape : shapes()) {
      RandomSequence sequence(shape);
      const std::vector<float> whole = sequence.run(*table.ops, table.ops->attend, shape.tokens);
      for (const std::int64_t step : {1, 5, 31, 32, 33})
        EXPECT_TRUE(same_bits(sequence.run(*table.ops, table.ops->attend, step), whole))
            << table.isa << ", " << step << " at a time, " << describe(shape);
    }
}

// Parts are kPartKeys = 512 keys.
TEST(Attention, PartsOfALongPastGiveTheSameBitsAsOnePass) {
  for (const DType dtype : {DType::kF16, DType::kF32})
    for (const std::int64_t head_dim : {64, 80}) {
      const SequenceShape shape = {head_dim, 1, 3, 1026, dtype};
      RandomSequence sequence(shape);
      const std::vector<float> reference =
          sequence.run(kAttentionScalar, kAttentionScalar.attend, shape.tokens);
      for (const Table& table : tables()) {
        EXPECT_TRUE(same_bits(sequence.run(*table.ops, table.ops->attend, 256), reference))
            << table.isa << ", " << describe(shape);
        for (const std::int64_t rows : {1, 4, 20})  // of 4, two do not see the last part
          EXPECT_TRUE(same_bits(sequence.run_in_parts(*table.ops, rows),
                                {reference.end() - rows * sequence.width(), reference.end()}))
              << table.isa << ", " << rows << " rows, " << describe(shape);
      }
    }
}

TEST(Attention, ValuesBeyondHalfPrecisionAreKeptAtItsEnd) {
  const std::int64_t dim = 16;
  std::vector<float> k(dim, 1.0f), v(dim, 1e6f);
  v[3] = -1e9f;
  for (const Table& table : tables()) {
    std::vector<std::uint16_t> keys(dim * kBlockTokens), values(dim * kBlockTokens);
    const KvLayer layer = {.dtype = DType::kF16,
                           .kv_heads = 1,
                           .head_dim = dim,
                           .keys = reinterpret_cast<std::byte*>(keys.data()),
                           .values = reinterpret_cast<std::byte*>(values.data())};
    table.ops->store_kv(layer, {0, 5, 0}, k.data(), v.data());
    EXPECT_EQ(f32_from_f16(values[5 * dim]), 65504.0f) << table.isa;
    EXPECT_EQ(f32_from_f16(values[5 * dim + 3]), -65504.0f) << table.isa;
    EXPECT_EQ(f32_from_f16(keys[2 * kBlockTokens + 5]), 1.0f) << table.isa;
  }
}

}  // namespace
}  // namespace atelier::kernels
