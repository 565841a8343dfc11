// Attention of prompts: by bf16 tiles, real and emulated, and by words of 16 bits.
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
  bool words = false;  // else bf16
};

std::vector<Table> tables() {
  std::vector<Table> out = {{"emulated", &kAttentionEmulated}, {"scalar", &kAttentionScalar, true}};
  if (cpu_features().amx) out.push_back({"amx", &kAttentionAmx});
  if (cpu_features().avx2) out.push_back({"avx2", &kAttentionAvx2, true});
  if (cpu_features().avx_vnni) out.push_back({"avxvnni", &kAttentionAvxVnni, true});
  if (cpu_features().avx512) out.push_back({"avx512", &kAttentionAvx512, true});
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

// What either may err in an output, as shares of sum |weight x value| and of the largest |value|.
struct Bound {
  double of_magnitude, of_value;
};

// With q, k and v taken as rounded: a weight is cut by at most 2^-7 of itself, and the weights' sum with it;
// 2^x errs by 9e-5, a score by head_dim roundings of its products' magnitudes, both twice likewise; the sums
// of at most 300 values by 300 eps.
Bound bound_of_tiles(const SequenceShape& shape, const RandomSequence::Reference& want) {
  const double eps = 0x1p-24;
  return {0x1p-7 / (1 - 0x1p-7) + 2 * 9e-5 +
              2 * eps * (static_cast<double>(shape.head_dim) + 2) * want.largest_score + 2 * 300 * eps,
          0};
}

// An element of q and k errs by half a word of 32752 to the vector's length, so a score by sqrt(head_dim)
// words of |q| |k|; 2^x by 3e-6; both count twice, in a weight and in the weights' sum. A word of weight errs
// by a half of 32752 to a step's sum, 128 times; one of a value by a half of 32767 to the token's largest.
Bound bound_of_words(const SequenceShape& shape, const RandomSequence::Reference& want) {
  const double score = std::sqrt(static_cast<double>(shape.head_dim)) / 32752 * want.largest_lengths;
  return {2 * (std::expm1(score) + 3e-6) + 1e-5, (kStepKeys * 0.5 + 0.5) / 32752};
}

TEST(AttentionOfPrompts, IsSoftmaxOfScoresTimesValues) {
  for (const Table& table : tables())
    for (const SequenceShape& shape : shapes()) {
      const std::vector<float> got = run(*table.ops, shape, shape.tokens);
      const RandomSequence sequence(shape);
      const RandomSequence::Reference want =
          table.words ? sequence.reference() : sequence.reference_in_bf16();
      const Bound bound = table.words ? bound_of_words(shape, want) : bound_of_tiles(shape, want);
      double worst = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_TRUE(std::isfinite(got[i])) << table.isa << ", " << describe(shape);
        worst = std::max(worst, std::abs(got[i] - want.out[i]) / (bound.of_magnitude * want.magnitude[i] +
                                                                  bound.of_value * want.largest_value));
      }
      EXPECT_LT(worst, 1.0) << table.isa << ", " << describe(shape);
    }
}

TEST(AttentionOfPrompts, RealTilesGiveTheBitsOfEmulatedOnes) {
  if (!cpu_features().amx) GTEST_SKIP() << "no AMX here";
  for (const SequenceShape& shape : shapes())
    EXPECT_TRUE(
        same_bits(run(kAttentionAmx, shape, shape.tokens), run(kAttentionEmulated, shape, shape.tokens)))
        << describe(shape);
}

TEST(AttentionOfPrompts, WordsGiveTheSameBitsInEveryTable) {
  for (const SequenceShape& shape : shapes()) {
    const std::vector<float> want = run(kAttentionScalar, shape, shape.tokens);
    for (const Table& table : tables()) {
      if (!table.words) continue;
      EXPECT_TRUE(same_bits(run(*table.ops, shape, shape.tokens), want))
          << table.isa << ", " << describe(shape);
    }
  }
}

TEST(AttentionOfPrompts, RowsInAnyGroupingGiveTheSameBits) {
  for (const Table& table : tables())
    for (const SequenceShape& shape : shapes()) {
      const std::vector<float> whole = run(*table.ops, shape, shape.tokens);
      for (const std::int64_t step : {1, 5, 33, 128}) {
        const bool slow = table.ops == &kAttentionEmulated || table.ops == &kAttentionScalar;
        if (slow && step == 1 && shape.head_dim != 80) continue;
        EXPECT_TRUE(same_bits(run(*table.ops, shape, step), whole))
            << table.isa << ", " << step << " at a time, " << describe(shape);
      }
    }
}

TEST(AttentionOfPrompts, KeepsFloatsThatAreStoredAsFloats) {
  const SequenceShape shape = {64, 2, 3, 75, DType::kF32};
  RandomSequence sequence(shape);
  for (const Table& table : tables())
    EXPECT_TRUE(same_bits(sequence.run(*table.ops, table.ops->attend_prompt, shape.tokens),
                          sequence.run(kAttentionScalar, kAttentionScalar.attend, shape.tokens)))
        << table.isa;
}

}  // namespace
}  // namespace atelier::kernels
