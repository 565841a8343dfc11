#include "model/key_evening.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>

namespace atelier::model {
namespace {

constexpr std::int64_t kDim = 64, kHeads = 2, kHidden = 96, kGroup = 3;

std::vector<float> random(std::size_t count, float spread, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> out(count);
  for (float& value : out) value = normal(engine);
  return out;
}

ModelConfig config() {
  return {.architecture = "qwen2",
          .name = "tiny",
          .hidden = kHidden,
          .layers = 1,
          .heads = kGroup * kHeads,
          .kv_heads = kHeads,
          .head_dim = kDim};
}

// One KV head has a pair of channels with a bias of hundreds.
LayerWeights layer() {
  LayerWeights layer;
  layer.attention_norm = std::vector<float>(kHidden, 1.0f);
  const std::vector<float> rows = random(kHeads * kDim * kHidden, 0.1f, 1);
  layer.k = kernels::allocate_packed(DType::kF32, kHeads * kDim, kHidden);
  kernels::pack_panels(layer.k, std::as_bytes(std::span(rows)), {}, 0, layer.k.panels);
  layer.k_bias = std::vector<float>(kHeads * kDim, 0.0f);
  layer.k_bias[kDim + 5] = 300.0f;
  layer.k_bias[kDim + 5 + kDim / 2] = -400.0f;
  return layer;
}

float dot(const float* a, const float* b) {
  float sum = 0;
  for (std::int64_t d = 0; d < kDim; ++d) sum += a[d] * b[d];
  return sum;
}

TEST(KeyEvening, LeavesScoresAsTheyWereToTheBit) {
  const KeyEvening evening(config(), layer());
  const std::vector<float> key = random(kDim, 20.0f, 2), queries = random(kGroup * kDim, 1.0f, 3);
  for (std::int64_t head = 0; head < kHeads; ++head) {
    std::vector<float> evened = key, met = queries;
    evening.apply(head, evened.data(), met.data(), kGroup);
    EXPECT_NE(evened, key);
    for (std::int64_t q = 0; q < kGroup; ++q)
      EXPECT_EQ(dot(evened.data(), met.data() + q * kDim), dot(key.data(), queries.data() + q * kDim));
  }
}

TEST(KeyEvening, MakesChannelsAlikeInSizeAndTheTwoOfATurnTheSame) {
  const KeyEvening evening(config(), layer());
  std::vector<float> key(kDim, 1.0f), queries(kGroup * kDim, 1.0f);
  evening.apply(1, key.data(), queries.data(), kGroup);
  for (std::int64_t d = 0; d < kDim / 2; ++d)
    EXPECT_EQ(key[static_cast<std::size_t>(d)], key[static_cast<std::size_t>(d + kDim / 2)]);
  // the pair's length is 500; what the others reach is 3 deviations of 0.1 sqrt(96) = 2.9
  const float large = 500 * key[5], usual = 2.9f * key[6];
  EXPECT_GT(large, 0.7f);
  EXPECT_LT(large, 1.5f);
  EXPECT_GT(usual, 0.6f);
  EXPECT_LT(usual, 1.7f);
}

TEST(KeyEvening, ChangesNothingWhereThereAreNoBiases) {
  LayerWeights plain = layer();
  plain.k_bias.clear();
  const std::vector<float> key = random(kDim, 1.0f, 4), queries = random(kGroup * kDim, 1.0f, 5);
  std::vector<float> evened = key, met = queries;
  KeyEvening(config(), plain).apply(0, evened.data(), met.data(), kGroup);
  EXPECT_EQ(evened, key);
  EXPECT_EQ(met, queries);
}

}  // namespace
}  // namespace atelier::model
