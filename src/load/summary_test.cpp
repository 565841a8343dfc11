#include "load/summary.h"

#include <gtest/gtest.h>

#include <random>

#include "load/arrivals.h"
#include "load/load_svg.h"
#include "load/result_text.h"

namespace atelier::load {
namespace {

Answer answer(double start_s, double ttft_s, std::vector<double> itl_s) {
  Answer one;
  one.success = true;
  one.counted_by_server = true;
  one.start_s = start_s;
  one.ttft_s = ttft_s;
  one.latency_s = ttft_s;
  for (const double gap : itl_s) one.latency_s += gap;
  one.input_tokens = 10;
  one.output_tokens = static_cast<std::int64_t>(itl_s.size()) + 1;
  one.itl_s = std::move(itl_s);
  return one;
}

LoadResult two_and_a_failure() {
  LoadResult result;
  result.duration_s = 4;
  result.cpu_s = 0.02;
  result.answers = {answer(0, 0.5, {0.1, 0.3}), answer(1, 1.5, {0.2}), Answer{}};
  result.answers.back().error = "HTTP 503: full";
  return result;
}

TEST(Summary, CountsAndRates) {
  const Summary sum = summarise(two_and_a_failure(), {99}, {.ttft_ms = 1000, .tpot_ms = {}, .e2el_ms = {}});
  EXPECT_EQ(sum.completed, 2);
  EXPECT_EQ(sum.failed, 1);
  EXPECT_EQ(sum.first_error, "HTTP 503: full");
  EXPECT_EQ(sum.input_tokens, 20);
  EXPECT_EQ(sum.output_tokens, 5);
  EXPECT_DOUBLE_EQ(sum.request_throughput, 0.5);
  EXPECT_DOUBLE_EQ(sum.output_throughput, 1.25);
  EXPECT_DOUBLE_EQ(sum.total_token_throughput, 6.25);
  ASSERT_TRUE(sum.request_goodput);
  EXPECT_DOUBLE_EQ(*sum.request_goodput, 0.25);
  EXPECT_DOUBLE_EQ(sum.cpu_share(), 0.005);
  EXPECT_DOUBLE_EQ(sum.latency(Latency::kTtft).mean, 1000);
  EXPECT_DOUBLE_EQ(sum.latency(Latency::kTtft).std, 500);
  EXPECT_DOUBLE_EQ(sum.latency(Latency::kTpot).mean, 200);  // (0.4 / 2 and 0.2 / 1) in the middle
  EXPECT_DOUBLE_EQ(sum.latency(Latency::kItl).median, 200);
  EXPECT_DOUBLE_EQ(sum.max_output_tokens_per_s, 3);  // at 0.5, 0.6 and 0.9 s
  EXPECT_EQ(sum.max_concurrent_requests, 1);
}

TEST(Summary, PercentilesAreInterpolated) {
  const Spread spread = spread_of({4, 1, 3, 2}, {0, 50, 99, 100});
  EXPECT_DOUBLE_EQ(spread.median, 2500);
  EXPECT_DOUBLE_EQ(spread.percentiles[0].second, 1000);
  EXPECT_DOUBLE_EQ(spread.percentiles[1].second, 2500);
  EXPECT_DOUBLE_EQ(spread.percentiles[2].second, 3970);
  EXPECT_DOUBLE_EQ(spread.percentiles[3].second, 4000);
  EXPECT_DOUBLE_EQ(spread_of({}, {99}).percentiles[0].second, 0);
}

TEST(Summary, OfNothingIsNothing) {
  const Summary sum = summarise({}, {99}, {});
  EXPECT_EQ(sum.completed, 0);
  EXPECT_FALSE(sum.request_goodput);
  EXPECT_EQ(sum.output_throughput, 0);
  EXPECT_NE(load_svg("none", {}).find("</svg>"), std::string::npos);
}

TEST(Summary, TextAndJsonHaveVllmsNames) {
  const LoadResult result = two_and_a_failure();
  const Summary sum = summarise(result, {99, 99.9}, {});
  const ShownRun shown{.latencies = {Latency::kTtft}, .max_concurrency = 2, .requests_per_s = 0};
  std::FILE* plain = std::tmpfile();  // no terminal: no colours
  const std::string text = result_text(sum, shown, plain);
  std::fclose(plain);
  EXPECT_TRUE(text.starts_with("============ Serving Benchmark Result ============\n")) << text;
  EXPECT_NE(text.find("Output token throughput (tok/s):         1.25      \n"), std::string::npos) << text;
  EXPECT_NE(text.find("P99.9 TTFT (ms):"), std::string::npos);
  EXPECT_EQ(text.find("TPOT"), std::string::npos);
  const auto json = result_json(sum, shown, &result.answers);
  EXPECT_TRUE(json.at("request_goodput").is_null());
  EXPECT_DOUBLE_EQ(json.at("mean_ttft_ms").as_double(), 1000);
  EXPECT_TRUE(json.contains("p99.9_ttft_ms"));
  EXPECT_EQ(json.at("errors").as_array().size(), 3u);
  EXPECT_EQ(json.at("itls").as_array()[0].as_array().size(), 2u);
}

TEST(Arrivals, KeepTheMeanRateAndTheSeed) {
  std::mt19937_64 one(1), again(1), other(2);
  const auto at = arrival_seconds(1000, {.requests_per_s = 50, .burstiness = 1}, one);
  EXPECT_EQ(at, arrival_seconds(1000, {.requests_per_s = 50, .burstiness = 1}, again));
  EXPECT_NE(at, arrival_seconds(1000, {.requests_per_s = 50, .burstiness = 1}, other));
  EXPECT_TRUE(std::ranges::is_sorted(at));
  EXPECT_NEAR(at.back(), 20, 1e-9);
  // of a Poisson process a share of 1 - 1/e of all gaps is below the mean one
  int below = 0;
  for (std::size_t i = 1; i < at.size(); ++i) below += at[i] - at[i - 1] < 0.02 ? 1 : 0;
  EXPECT_NEAR(below / 999.0, 0.632, 0.06);
  const auto at_once = arrival_seconds(3, {}, one);
  EXPECT_EQ(at_once, (std::vector<double>{0, 0, 0}));
}

}  // namespace
}  // namespace atelier::load
