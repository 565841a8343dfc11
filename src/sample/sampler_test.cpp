#include "sample/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <sstream>

#include "base/json.h"
#include "base/test_data.h"
#include "sample/logit_scan.h"
#include "sample/philox.h"

namespace atelier::sample {
namespace {

template <class T>
std::vector<T> numbers(const boost::json::value& array) {
  std::vector<T> out;
  for (const auto& value : array.as_array()) out.push_back(value.to_number<T>());
  return out;
}

SamplingOptions options_of(const boost::json::object& test) {
  const auto number = [&](const char* name) { return test.at(name).to_number<float>(); };
  SamplingOptions options;
  options.temperature = number("temperature");
  options.top_k = static_cast<std::int32_t>(number("top_k"));
  options.top_p = number("top_p");
  options.min_p = number("min_p");
  options.repetition_penalty = number("repetition_penalty");
  options.presence_penalty = number("presence_penalty");
  options.frequency_penalty = number("frequency_penalty");
  return options;
}

std::vector<float> random_logits(std::size_t count, unsigned seed, float scale = 3.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> logits(count);
  for (float& x : logits) x = normal(random);
  return logits;
}

// The textbook way, in doubles, sorting everything.
std::vector<double> plain_probabilities(const std::vector<float>& logits, const SamplingOptions& options) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](auto a, auto b) { return logits[a] > logits[b]; });
  std::vector<double> weights(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    weights[i] = std::exp((double{logits[i]} - logits[order[0]]) / options.temperature);
  }
  const auto top_k = static_cast<std::size_t>(options.top_k);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool past_k = top_k > 0 && i >= top_k && logits[order[i]] < logits[order[top_k - 1]];
    if (past_k || weights[order[i]] < options.min_p) weights[order[i]] = 0;
  }
  double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double before = 0;
  for (const std::size_t id : order) {
    const double weight = weights[id];
    if (options.top_p < 1.0f && before >= options.top_p * total) weights[id] = 0;
    before += weight;
  }
  total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= total;
  return weights;
}

TEST(Sampler, EqualsRecordedDistributions) {
  const auto path = test_data("golden/sampling/cases.jsonl");
  if (!path) GTEST_SKIP() << "golden/sampling/cases.jsonl is not here";
  std::istringstream lines(read_file(*path));
  int cases = 0;
  for (std::string line; std::getline(lines, line); ++cases) {
    const auto json = parse_json(line);
    ASSERT_TRUE(json);
    const auto& test = json->as_object();
    const auto expected = numbers<double>(test.at("expected").at("vllm"));
    const auto got = probabilities(numbers<float>(test.at("logits")), options_of(test),
                                   numbers<std::int32_t>(test.at("prompt_ids")),
                                   numbers<std::int32_t>(test.at("output_ids")));
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_EQ(got->size(), expected.size());
    for (std::size_t id = 0; id < expected.size(); ++id) {
      EXPECT_NEAR((*got)[id], expected[id], 1e-5) << test.at("id") << " token " << id;
    }
  }
  EXPECT_EQ(cases, 60);
}

TEST(Sampler, EqualsThePlainDefinitionOnALargeVocabulary) {
  const auto logits = random_logits(151'936, 3);
  const SamplingOptions cases[] = {
      {.temperature = 1.0f},
      {.temperature = 0.3f, .top_p = 0.8f},
      {.temperature = 2.0f, .top_p = 0.99f},
      {.temperature = 0.7f, .top_k = 20, .top_p = 0.8f},
      {.temperature = 1.5f, .top_k = 40'000},
      {.temperature = 1.0f, .top_k = 151'935, .min_p = 0.01f},
      {.temperature = 1.0f, .top_p = 1e-9f},
      {.temperature = 0.7f, .min_p = 0.02f},
      {.temperature = 1.0f, .top_k = 290, .top_p = 0.7f},
      {.temperature = 1.0f, .top_k = 500},
  };
  for (const SamplingOptions& options : cases) {
    const auto expected = plain_probabilities(logits, options);
    const auto got = probabilities(logits, options, {}, {});
    ASSERT_TRUE(got);
    double distance = 0;
    for (std::size_t id = 0; id < expected.size(); ++id) distance += std::abs((*got)[id] - expected[id]);
    EXPECT_LT(distance, 2e-5) << "temperature " << options.temperature << " top_k " << options.top_k;
  }
}

TEST(Sampler, TiesWithTheKthStay) {
  const std::vector<float> logits = {1, 3, 2, 2, 2, 0};
  const auto got = probabilities(logits, {.top_k = 2}, {}, {});
  ASSERT_TRUE(got);
  EXPECT_EQ(std::ranges::count_if(*got, [](double p) { return p > 0; }), 4);
}

TEST(Sampler, GreedyTakesTheLowestIdOfTheBestAndNeverPadding) {
  std::vector<float> logits(1040, -1.0f);
  logits[700] = logits[33] = 5.0f;
  logits[1030] = 99.0f;
  SamplerScratch scratch;
  Sampler greedy({.temperature = 0}, {}, 1022);
  EXPECT_EQ(greedy.pick(logits, scratch)->id, 33);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Sampler random({.temperature = 50.0f, .seed = seed}, {}, 1022);
    EXPECT_LT(random.pick(logits, scratch)->id, 1022);
  }
}

TEST(Sampler, SeededDrawsRepeatAndFollowTheDistribution) {
  const auto logits = random_logits(3000, 5, 1.5f);
  for (const SamplingOptions& base : {SamplingOptions{.temperature = 0.9f},
                                      SamplingOptions{.temperature = 0.9f, .top_k = 12, .top_p = 0.9f}}) {
    const auto expected = probabilities(logits, base, {}, {});
    ASSERT_TRUE(expected);
    SamplingOptions options = base;
    options.seed = 1234567890123;
    SamplerScratch scratch, other_scratch;
    Sampler one(options, {}, 3000), again(options, {}, 3000),
        stranger({.temperature = 0.5f, .seed = 9}, {}, 3000);
    constexpr int kDraws = 20'000;
    std::vector<int> counts(3000);
    for (int i = 0; i < kDraws; ++i) {
      const std::int32_t id = one.pick(logits, scratch)->id;
      stranger.pick(logits, scratch);
      ASSERT_EQ(id, again.pick(logits, other_scratch)->id);
      ++counts[id];
    }
    for (std::size_t id = 0; id < counts.size(); ++id) {
      const double p = (*expected)[id], spread = std::sqrt(kDraws * p * (1 - p));
      if (p == 0) {
        ASSERT_EQ(counts[id], 0);
      }
      EXPECT_NEAR(counts[id], kDraws * p, 6 * spread + 3) << id;
    }
  }
}

TEST(Sampler, PenaltiesSeeOutputAsItGrows) {
  const std::vector<float> logits = {1.0f, 0.9f, 0.8f, -1.0f};
  SamplerScratch scratch;
  Sampler frequency({.temperature = 0, .frequency_penalty = 0.15f}, {}, 4);
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(frequency.pick(logits, scratch)->id);
  EXPECT_EQ(ids, (std::vector<std::int32_t>{0, 1, 0, 2, 1}));
  const std::vector<std::int32_t> prompt = {0, 1};
  Sampler repetition({.temperature = 0, .repetition_penalty = 1.5f}, prompt, 4);
  EXPECT_EQ(repetition.pick(logits, scratch)->id, 2);
  Sampler presence({.temperature = 0, .presence_penalty = 5.0f}, prompt, 4);  // the prompt does not count
  EXPECT_EQ(presence.pick(logits, scratch)->id, 0);
}

TEST(Sampler, LogprobsAreOfTheRawLogits) {
  const auto logits = random_logits(5000, 8);
  double sum = 0;
  for (const float x : logits) sum += std::exp(double{x});
  SamplerScratch scratch;
  Sampler sampler({.temperature = 0.1f, .repetition_penalty = 3.0f, .seed = 1, .logprobs = 7}, {}, 4990);
  const auto choice = sampler.pick(logits, scratch);
  ASSERT_TRUE(choice);
  EXPECT_NEAR(choice->logprob, logits[choice->id] - std::log(sum), 1e-5);
  ASSERT_EQ(choice->top.size(), 7u);
  EXPECT_EQ(choice->top[0].id, argmax(std::span(logits).first(4990)));
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(choice->top[i].logprob, logits[choice->top[i].id] - std::log(sum), 1e-5);
    if (i > 0) {
      EXPECT_GE(choice->top[i - 1].logprob, choice->top[i].logprob);
    }
  }
}

TEST(Sampler, NonFiniteLogitsAreAnError) {
  SamplerScratch scratch;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    auto logits = random_logits(100, 2);
    logits[61] = bad;
    Sampler sampler({.temperature = 0}, {}, 100);
    const auto choice = sampler.pick(logits, scratch);
    ASSERT_FALSE(choice);
    EXPECT_NE(choice.error().message.find("token 61"), std::string::npos) << choice.error().message;
  }
}

TEST(Sampler, ExtremeOptionsStillChoose) {
  std::vector<float> logits = random_logits(777, 4);
  logits[5] = 3e38f;
  logits[6] = -3e38f;
  SamplerScratch scratch;
  for (const SamplingOptions& options : {
           SamplingOptions{.temperature = 1e-4f, .seed = 1},
           SamplingOptions{.temperature = 100.0f, .top_k = 1, .min_p = 1.0f, .seed = 1},
           SamplingOptions{.temperature = 1.0f, .top_p = 1e-30f, .seed = 1},
           SamplingOptions{.temperature = 1.0f, .repetition_penalty = 1e-30f, .seed = 1},
       }) {
    const std::vector<std::int32_t> prompt = {5, 6};
    Sampler sampler(options, prompt, 777);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(sampler.pick(logits, scratch)->id, 5);
  }
}

TEST(LogitScan, ExponentialsAreAccurate) {
  std::vector<float> x;
  for (float v = 0; v > -84.9f; v -= 0.0137f) x.push_back(v);
  std::vector<float> weights(x.size());
  std::vector<double> blocks((x.size() + kScanBlock - 1) / kScanBlock);
  const double total = exponentials(x, {}, weights, blocks);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(double{x[i]});
    ASSERT_NEAR(weights[i], exact, 2.5e-7 * exact) << x[i];
  }
  EXPECT_NEAR(total, std::accumulate(weights.begin(), weights.end(), 0.0), 1e-6 * total);
  EXPECT_NEAR(std::accumulate(blocks.begin(), blocks.end(), 0.0), total, 1e-9 * total);
  const std::vector<float> far = {0, -86, -1000, -3e38f, -std::numeric_limits<float>::infinity()};
  std::vector<float> out(far.size());
  EXPECT_EQ(exponentials(far, {}, out), 1.0);
}

TEST(LogitScan, ArgmaxOnEveryLength) {
  for (std::size_t count : {1, 3, 15, 16, 17, 63, 512, 513, 1000, 5000}) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      auto logits = random_logits(count, seed);
      logits[seed * 7919 % count] = logits[seed * 104729 % count] = 50.0f;  // a tie: the lower index wins
      EXPECT_EQ(argmax(logits), std::ranges::max_element(logits) - logits.begin());
      EXPECT_NEAR(log_sum_exp(logits),
                  std::log(std::accumulate(logits.begin(), logits.end(), 0.0,
                                           [](double sum, float x) { return sum + std::exp(double{x}); })),
                  1e-6);
    }
  }
}

// Known answers published with the generator (Random123, kat_vectors).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox_block({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox_block({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox_block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

}  // namespace
}  // namespace atelier::sample
