// Attention of prompts by tiles, real and emulated.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/cpu_features.h"
#include "kernels/attention_ops.h"
#include "kernels/random_sequence.h"

namespace atelier::kernels {
namespace {

struct Table {
  const char* isa;
  const AttentionOps* ops;
};

std::vector<Table> tables() {
  std::vector<Table> out = {{"emulated", &kAttentionEmulated}};
  if (cpu_features().amx) out.push_back({"amx", &kAttentionAmx});
  return out;
}

// Steps of keys are kStepKeys = 128: 75 tokens are less than one, 300 end inside the third.
std::vector<SequenceShape> shapes() {
  std::vector<SequenceShape> out;
  for (const std::int64_t head_dim : {16, 64, 80, 128})
    for (const std::int64_t group : {1, 3, 6, 7, 8}) out.push_back({head_dim, 2, group, 75, DType::kF16});
  out.push_back({20, 1, 2, 150, DType::kF16});
  out.push_back({64, 1, 7, 300, DType::kF16});
  out.push_back({80, 1, 3, 300, DType::kF16});
  out.push_back({64, 1, 20, 130, DType::kF16});  // a row's heads in two tiles; more queries than a pass holds
  for (const std::int64_t head_dim : {32, 64, 96, 128})
    for (const std::int64_t group : {1, 3, 7}) out.push_back({head_dim, 2, group, 75, DType::kQ8_0});
  out.push_back({64, 1, 7, 300, DType::kQ8_0});
  return out;
}

std::vector<float> run(const AttentionOps& ops, const SequenceShape& shape, std::int64_t step) {
  return RandomSequence(shape).run(ops, ops.attend_prompt, step);
}

// With q, k and v taken as rounded: a weight is cut by at most 2^-7 of itself, and the weights' sum with it;
// 2^x errs by 9e-5, a score by head_dim roundings of its products' magnitudes, both twice likewise; the sums
// of at most 300 values by 300 eps.
double bound(const SequenceShape& shape, const RandomSequence::Reference& want) {
  const double eps = 0x1p-24;
  return 0x1p-7 / (1 - 0x1p-7) + 2 * 9e-5 +
         2 * eps * (static_cast<double>(shape.head_dim) + 2) * want.largest_score + 2 * 300 * eps;
}

TEST(AttentionByTiles, IsSoftmaxOfScoresTimesValues) {
  for (const Table& table : tables())
    for (const SequenceShape& shape : shapes()) {
      const std::vector<float> got = run(*table.ops, shape, shape.tokens);
      const RandomSequence::Reference want = RandomSequence(shape).reference_in_bf16();
      double worst = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_TRUE(std::isfinite(got[i])) << table.isa << ", " << describe(shape);
        worst = std::max(worst, std::abs(got[i] - want.out[i]) / want.magnitude[i]);
      }
      EXPECT_LT(worst, bound(shape, want)) << table.isa << ", " << describe(shape);
    }
}

TEST(AttentionByTiles, RealTilesGiveTheBitsOfEmulatedOnes) {
  if (!cpu_features().amx) GTEST_SKIP() << "no AMX here";
  for (const SequenceShape& shape : shapes())
    EXPECT_TRUE(
        same_bits(run(kAttentionAmx, shape, shape.tokens), run(kAttentionEmulated, shape, shape.tokens)))
        << describe(shape);
}

TEST(AttentionByTiles, RowsInAnyGroupingGiveTheSameBits) {
  for (const Table& table : tables())
    for (const SequenceShape& shape : shapes()) {
      const std::vector<float> whole = run(*table.ops, shape, shape.tokens);
      for (const std::int64_t step : {1, 5, 33, 128}) {
        if (table.ops == &kAttentionEmulated && step == 1 && shape.head_dim != 80) continue;  // slow
        EXPECT_TRUE(same_bits(run(*table.ops, shape, step), whole))
            << table.isa << ", " << step << " at a time, " << describe(shape);
      }
    }
}

TEST(AttentionByTiles, KeepsFloatsThatAreStoredAsFloats) {
  const SequenceShape shape = {64, 2, 3, 75, DType::kF32};
  RandomSequence sequence(shape);
  for (const Table& table : tables())
    EXPECT_TRUE(same_bits(sequence.run(*table.ops, table.ops->attend_prompt, shape.tokens),
                          sequence.run(kAttentionScalar, kAttentionScalar.attend, shape.tokens)))
        << table.isa;
}

}  // namespace
}  // namespace atelier::kernels
