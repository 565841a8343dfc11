#include "model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "base/test_data.h"
#include "model/rope_table.h"

namespace atelier::model {
namespace {

using testing::HasSubstr;

constexpr const char* kQwen = R"({"model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24,
  "num_attention_heads": 14, "num_key_value_heads": 2, "intermediate_size": 4864, "vocab_size": 151936,
  "max_position_embeddings": 32768, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "tie_word_embeddings": true,
  "use_sliding_window": false, "sliding_window": 32768, "max_window_layers": 21, "hidden_act": "silu"})";

// kQwen with the fields of `change` put over it.
Result<ModelConfig> read(const std::string& change = "{}") {
  boost::json::object json = parse_json(kQwen)->as_object();
  const boost::json::object changes = parse_json(change)->as_object();
  for (const auto& [key, value] : changes) json[key] = value;
  return config_from_hf(json);
}

std::string error_of(const std::string& change) {
  const auto config = read(change);
  return config ? "no error" : config.error().message;
}

TEST(Config, ReadsPublishedQwen) {
  const auto config = read();
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->architecture, "qwen2");
  EXPECT_EQ(config->hidden, 896);
  EXPECT_EQ(config->heads, 14);
  EXPECT_EQ(config->kv_heads, 2);
  EXPECT_EQ(config->head_dim, 64);
  EXPECT_EQ(config->max_context, 32768);
  EXPECT_TRUE(config->tied);
  EXPECT_EQ(config->rope.kind, RopeConfig::Kind::kPlain);
  EXPECT_EQ(config->rope.theta, 1e6);
}

TEST(Config, BothSpellingsOfRopeAreTheSame) {
  const auto old_way = read(R"({"rope_scaling": {"type": "yarn", "factor": 4.0,
                                "original_max_position_embeddings": 32768}})");
  const auto new_way =
      read(R"({"rope_theta": null, "rope_parameters": {"rope_type": "yarn", "rope_theta": 1000000.0,
                                "factor": 4.0, "original_max_position_embeddings": 32768}})");
  ASSERT_TRUE(old_way && new_way);
  for (const auto& config : {*old_way, *new_way}) {
    EXPECT_EQ(config.rope.kind, RopeConfig::Kind::kYarn);
    EXPECT_EQ(config.rope.theta, 1e6);
    EXPECT_EQ(config.rope.factor, 4.0);
    EXPECT_EQ(config.max_context, 131072);  // what the scaling reaches
    EXPECT_NEAR(config.rope.attention_factor, 0.1 * std::log(4.0) + 1.0, 1e-12);
  }
}

TEST(Config, YarnsOwnFactorsAreHeard) {
  const auto direct = read(R"({"rope_scaling": {"rope_type": "yarn", "factor": 8, "attention_factor": 1.5,
      "beta_fast": 16, "beta_slow": 2, "truncate": false, "original_max_position_embeddings": 4096}})");
  ASSERT_TRUE(direct) << direct.error().message;
  EXPECT_EQ(direct->rope.attention_factor, 1.5);
  EXPECT_EQ(direct->rope.beta_fast, 16);
  EXPECT_FALSE(direct->rope.truncate);
  const auto scaled = read(R"({"rope_scaling": {"rope_type": "yarn", "factor": 40, "mscale": 0.707,
      "mscale_all_dim": 0.5, "original_max_position_embeddings": 4096}})");
  ASSERT_TRUE(scaled) << scaled.error().message;
  EXPECT_NEAR(scaled->rope.attention_factor, (0.0707 * std::log(40.0) + 1) / (0.05 * std::log(40.0) + 1),
              1e-12);
}

TEST(Config, RefusesWhatItCannotCompute) {
  EXPECT_THAT(error_of(R"({"rope_scaling": {"type": "dynamic", "factor": 2}})"), HasSubstr("'dynamic'"));
  EXPECT_THAT(error_of(R"({"rope_scaling": {"rope_type": "longrope"}})"), HasSubstr("'longrope'"));
  EXPECT_THAT(error_of(R"({"model_type": "gemma"})"), HasSubstr("'gemma'"));
  EXPECT_THAT(error_of(R"({"hidden_act": "gelu"})"), HasSubstr("'gelu'"));
  EXPECT_THAT(error_of(R"({"mlp_bias": true})"), HasSubstr("mlp_bias"));
  EXPECT_THAT(error_of(R"({"rope_scaling": {"partial_rotary_factor": 0.5}})"), HasSubstr("0.5"));
}

TEST(Config, ChecksEveryRange) {
  EXPECT_THAT(error_of(R"({"hidden_size": null})"), HasSubstr("hidden_size"));
  EXPECT_THAT(error_of(R"({"hidden_size": "big"})"), HasSubstr("hidden_size"));
  EXPECT_THAT(error_of(R"({"hidden_size": 896.5})"), HasSubstr("hidden_size"));
  EXPECT_THAT(error_of(R"({"hidden_size": -4})"), HasSubstr("-4"));
  EXPECT_THAT(error_of(R"({"num_hidden_layers": 99999999999})"), HasSubstr("99999999999"));
  EXPECT_THAT(error_of(R"({"num_attention_heads": 0})"), HasSubstr("head count is 0"));
  EXPECT_THAT(error_of(R"({"num_key_value_heads": 4})"), HasSubstr("14 attention heads"));
  EXPECT_THAT(error_of(R"({"head_dim": 63})"), HasSubstr("63"));
  EXPECT_THAT(error_of(R"({"vocab_size": 0})"), HasSubstr("vocabulary is 0"));
  EXPECT_THAT(error_of(R"({"rms_norm_eps": -1})"), HasSubstr("epsilon"));
  EXPECT_THAT(error_of(R"({"rope_theta": 0})"), HasSubstr("theta"));
  EXPECT_THAT(error_of(R"({"rope_scaling": {"type": "yarn", "factor": 0.5}})"), HasSubstr("factor"));
  EXPECT_THAT(error_of(R"({"rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 4,
                           "high_freq_factor": 4}})"),
              HasSubstr("high_freq_factor"));
}

TEST(Config, SlidingLayersEndTheContextWhereTheyWouldDiffer) {
  EXPECT_EQ(read(R"({"use_sliding_window": true, "sliding_window": 4096})")->max_context, 4096);
  EXPECT_EQ(
      read(R"({"use_sliding_window": true, "sliding_window": 4096, "max_window_layers": 24})")->max_context,
      32768);
}

TEST(Config, ContextsThatDeclareNoScalingCanBeStretchedFourTimes) {
  auto config = *read("{}");
  ASSERT_TRUE(extend_context(config, 32768));
  EXPECT_EQ(config.reach(), 32768);
  ASSERT_TRUE(extend_context(config, 131072));
  EXPECT_EQ(config.reach(), 131072);
  EXPECT_EQ(config.rope.kind, RopeConfig::Kind::kPlain);
  EXPECT_EQ(config.long_rope.factor, 4.0);
  EXPECT_EQ(config.long_rope.original_context, 32768);
  EXPECT_NEAR(config.long_rope.attention_factor, 1.1386294, 1e-6);
  EXPECT_THAT(extend_context(config, 131073).error().message, HasSubstr("131072"));
  auto declared = *read(R"({"rope_scaling": {"type": "linear", "factor": 2}})");
  EXPECT_FALSE(extend_context(declared, declared.max_context + 1));
}

// Frequencies as transformers prints them (golden/tiny/golden/summary.json).
void expect_frequencies(const std::string& change, const std::vector<double>& want) {
  const auto config = read(change);
  ASSERT_TRUE(config) << config.error().message;
  const RopeTable table(config->rope, config->head_dim, {});
  ASSERT_EQ(table.inverse_frequencies().size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i)
    EXPECT_NEAR(table.inverse_frequencies()[i], want[i], 1e-6 * want[i]) << i;
}

TEST(RopeTable, FrequenciesAreThoseOfTransformers) {
  expect_frequencies(R"({"head_dim": 16})", {1.0, 0.1778279, 0.03162278, 0.005623413, 0.001, 0.0001778279,
                                             3.162277e-05, 5.623413e-06});
  expect_frequencies(
      R"({"head_dim": 16, "rope_theta": 10000.0, "rope_scaling": {"type": "yarn", "factor": 4.0,
                         "original_max_position_embeddings": 256}})",
      {1.0, 0.2569351, 0.0625, 0.01383497, 0.0025, 0.0007905695, 0.00025, 7.905695e-05});
  expect_frequencies(
      R"({"head_dim": 16, "rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8,
                         "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 256}})",
      {1.0, 0.1939228, 0.01053823, 0.0009115831, 0.0001767767, 3.428102e-05, 6.64787e-06, 1.289173e-06});
}

TEST(RopeTable, FactorsDivideAndYarnScales) {
  const auto config = read(R"({"head_dim": 4, "rope_scaling": {"type": "yarn", "factor": 2.0,
                               "attention_factor": 1.25, "original_max_position_embeddings": 256}})");
  const std::vector<float> factors = {1.0f, 8.0f};
  const RopeTable with(config->rope, 4, factors), without(config->rope, 4, {});
  EXPECT_FLOAT_EQ(with.inverse_frequencies()[1] * 8.0f, without.inverse_frequencies()[1]);
  float cos[2], sin[2];
  without.at(0, cos, sin);
  EXPECT_EQ(cos[0], 1.25f);
  EXPECT_EQ(sin[0], 0.0f);
}

TEST(Config, ReadsGguf) {
  const auto path = test_data("model/qwen2-Q5_0.gguf");
  ASSERT_TRUE(path);
  const auto file = formats::GgufFile::open(*path);
  ASSERT_TRUE(file);
  const auto config = config_from_gguf(**file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->architecture, "qwen2");
  EXPECT_EQ(config->layers, 4);
  EXPECT_EQ(config->head_dim, 16);
  EXPECT_EQ(config->vocab_rows, 1040);
  EXPECT_FALSE(config->tied);
  EXPECT_EQ(config->rope.theta, 1e6);
}

TEST(Config, ReadsGgufScaling) {
  const auto path = test_data("golden/tiny/gguf/qwen2-yarn-BF16.gguf");
  if (!path) GTEST_SKIP() << "no golden/tiny/gguf/qwen2-yarn-BF16.gguf";
  const auto config = config_from_gguf(**formats::GgufFile::open(*path));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->rope.kind, RopeConfig::Kind::kYarn);
  EXPECT_EQ(config->rope.original_context, 256);
  EXPECT_NEAR(config->rope.attention_factor, 1.138629, 1e-6);
  EXPECT_TRUE(config->tied);
}

}  // namespace
}  // namespace atelier::model
