#include "kernels/attention_ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
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
  for (const std::int64_t head_dim : {32, 64, 96, 128})
    for (const std::int64_t group : {1, 3, 7, 8}) out.push_back({head_dim, 2, group, 75, DType::kQ8_0});
  out.push_back({64, 1, 70, 33, DType::kQ8_0});
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
  for (const DType dtype : {DType::kF16, DType::kF32, DType::kQ8_0})
    for (const std::int64_t head_dim : {64, dtype == DType::kQ8_0 ? 96 : 80}) {
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

// --- int8 ---

// One token stored and read back as the layout in ops.h says.
class OneToken {
 public:
  static constexpr std::int64_t kDim = 64, kSlot = 5;

  OneToken(const AttentionOps& ops, const std::vector<float>& k, const std::vector<float>& v) {
    const KvLayer layer = {.dtype = DType::kQ8_0,
                           .kv_heads = 1,
                           .head_dim = kDim,
                           .keys = keys_.data(),
                           .values = values_.data()};
    ops.store_kv(layer, {0, kSlot, 0}, k.data(), v.data());
  }

  static float scale(const std::vector<std::byte>& half, std::int64_t dim) {
    std::uint16_t bits;
    const std::int64_t at = dim / kKvScaleDims * kBlockTokens + kSlot;
    std::memcpy(&bits, half.data() + kDim * kBlockTokens + at * 2, 2);
    return f32_from_f16(bits);
  }
  float key_scale(std::int64_t dim) const { return scale(keys_, dim); }
  float value_scale(std::int64_t dim) const { return scale(values_, dim); }
  float key(std::int64_t dim) const {
    return static_cast<std::int8_t>(keys_[static_cast<std::size_t>(dim * kBlockTokens + kSlot)]) *
           key_scale(dim);
  }
  float value(std::int64_t dim) const {
    return static_cast<std::int8_t>(values_[static_cast<std::size_t>(kSlot * kDim + dim)]) * value_scale(dim);
  }
  bool operator==(const OneToken&) const = default;

 private:
  std::vector<std::byte> keys_ = std::vector<std::byte>(kDim * 34), values_ = keys_;
};

std::vector<float> random_values(float spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> out(OneToken::kDim);
  for (float& value : out) value = normal(random);
  return out;
}

// Half a step of the scale, 127 roundings of the quotient, and what the largest loses where its scale is
// rounded down: 127 half steps of f16's subnormals at most where they begin, 2^-11 of 127 steps elsewhere.
TEST(AttentionInInt8, RoundsToTheNearestStep) {
  for (const Table& table : tables())
    for (const float spread : {1e-6f, 1e-3f, 1.0f, 40.0f, 1e5f}) {
      const std::vector<float> k = random_values(spread, 11), v = random_values(spread / 8, 12);
      const OneToken token(*table.ops, k, v);
      const auto bound = [](float scale) { return scale * 0.50003f + 127 * 0x1p-25f; };
      for (std::int64_t d = 0; d < OneToken::kDim; ++d) {
        const auto i = static_cast<std::size_t>(d);
        EXPECT_LE(std::abs(token.key(d) - k[i]), bound(token.key_scale(d))) << table.isa << " " << spread;
        EXPECT_LE(std::abs(token.value(d) - v[i]), bound(token.value_scale(d))) << table.isa << " " << spread;
      }
      EXPECT_EQ(token, OneToken(kAttentionScalar, k, v)) << table.isa << " " << spread;
    }
}

TEST(AttentionInInt8, KeepsWhatIsNoNumberFinite) {
  std::vector<float> k = random_values(1, 13), v(OneToken::kDim, 0.0f);
  k[3] = std::nanf("");
  k[40] = HUGE_VALF;
  k[41] = -HUGE_VALF;
  v[50] = 3e38f;
  for (const Table& table : tables()) {
    const OneToken token(*table.ops, k, v);
    for (std::int64_t d = 0; d < OneToken::kDim; ++d) {
      EXPECT_TRUE(std::isfinite(token.key(d))) << table.isa;
      EXPECT_TRUE(std::isfinite(token.value(d))) << table.isa;
    }
    EXPECT_NEAR(token.key(4), k[4], token.key_scale(4)) << table.isa;  // beside the NaN
    EXPECT_EQ(token.key(40), -token.key(41)) << table.isa;
    EXPECT_EQ(token.value(0), 0.0f) << table.isa;
    EXPECT_EQ(token, OneToken(kAttentionScalar, k, v)) << table.isa;
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
