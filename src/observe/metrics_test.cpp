#include "observe/metrics.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "observe/buckets.h"

namespace atelier::observe {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

engine::EngineStats some_stats() {
  engine::EngineStats stats;
  stats.running = 3;
  stats.waiting = 2;
  stats.blocks_used = 25;
  stats.blocks_total = 100;
  stats.prefix_queries = 640;
  stats.prefix_hits = 64;
  stats.preemptions = 1;
  for (const std::int64_t tokens : {1, 8, 9, 100'000}) stats.step_sizes.add(tokens);
  return stats;
}

MetricsTerms terms() {
  return {.model_name = "a \"model\"",
          .engine = {.max_model_len = 64},
          .block_tokens = 32,
          .kv_dtype = "f16",
          .stats = some_stats};
}

TEST(Metrics, EngineStateUnderVllmsNames) {
  const std::string text = Metrics(terms()).text();
  const std::string labels = "{model_name=\"a \\\"model\\\"\",engine=\"0\"}";
  for (const std::string& line :
       {"vllm:num_requests_running" + labels + " 3\n", "vllm:num_requests_waiting" + labels + " 2\n",
        "vllm:kv_cache_usage_perc" + labels + " 0.25\n", "vllm:gpu_cache_usage_perc" + labels + " 0.25\n",
        "vllm:num_preemptions_total" + labels + " 1\n", "vllm:prefix_cache_hits_total" + labels + " 64\n",
        "vllm:gpu_prefix_cache_queries_total" + labels + " 640\n"}) {
    EXPECT_THAT(text, HasSubstr("\n" + line));
  }
  EXPECT_THAT(text, HasSubstr("# TYPE vllm:num_preemptions_total counter\n"));
  EXPECT_THAT(text, HasSubstr("vllm:cache_config_info{block_size=\"32\",cache_dtype=\"f16\""));
}

TEST(Metrics, StepSizesAreCumulative) {
  const std::string text = Metrics(terms()).text();
  const auto bucket = [](const char* bound) {
    return std::string(
               "vllm:iteration_tokens_total_bucket{model_name=\"a \\\"model\\\"\",engine=\"0\",le=\"") +
           bound + "\"} ";
  };
  EXPECT_THAT(text, HasSubstr(bucket("1") + "1\n"));
  EXPECT_THAT(text, HasSubstr(bucket("8") + "2\n"));
  EXPECT_THAT(text, HasSubstr(bucket("16") + "3\n"));
  EXPECT_THAT(text, HasSubstr(bucket("16384") + "3\n"));
  EXPECT_THAT(text, HasSubstr(bucket("+Inf") + "4\n"));
}

TEST(Metrics, AGenerationIsCountedOnceEverywhere) {
  Metrics metrics(terms());
  const auto begin = engine::GenerationFacts::Time{} + std::chrono::hours(1);
  const engine::GenerationFacts facts{.arrived = begin,
                                      .admitted = begin + milliseconds(400),
                                      .first_token = begin + milliseconds(600),
                                      .last_token = begin + milliseconds(1000),
                                      .cached_tokens = 32};
  metrics.request_begun(1, 16);
  metrics.first_tokens(1, 40, facts);
  metrics.more_tokens(2, 0.2);
  metrics.more_tokens(2, 0.2);
  metrics.generation_ended({.reason = "length",
                            .prompt_tokens = 40,
                            .output_tokens = 5,
                            .max_tokens = 16,
                            .facts = facts,
                            .ended = begin + milliseconds(1100)});
  const std::string text = metrics.text();
  const auto value = [&](const std::string& name) {
    const std::size_t at = text.find("\n" + name);
    const std::size_t space = text.find("} ", at);
    return at == text.npos ? "none" : text.substr(space + 2, text.find('\n', space) - space - 2);
  };
  EXPECT_EQ(value("vllm:prompt_tokens_total"), "40");
  EXPECT_EQ(value("vllm:prompt_tokens_cached_total"), "32");
  EXPECT_EQ(value("vllm:generation_tokens_total"), "5");
  EXPECT_EQ(value("vllm:inter_token_latency_seconds_count"), "2");
  EXPECT_EQ(value("vllm:time_per_output_token_seconds_count"), "2");
  EXPECT_EQ(value("vllm:time_to_first_token_seconds_sum"), "0.6");
  EXPECT_EQ(value("vllm:request_queue_time_seconds_sum"), "0.4");
  EXPECT_EQ(value("vllm:request_decode_time_seconds_sum"), "0.4");
  EXPECT_EQ(value("vllm:request_time_per_output_token_seconds_sum"), "0.1");
  EXPECT_EQ(value("vllm:e2e_request_latency_seconds_sum"), "1.1");
  EXPECT_EQ(value("vllm:request_prefill_kv_computed_tokens_sum"), "8");
  EXPECT_THAT(text, HasSubstr("finished_reason=\"length\",model_name=\"a \\\"model\\\"\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("finished_reason=\"abort\",model_name=\"a \\\"model\\\"\"} 0\n"));
}

TEST(Metrics, OneThatNeverBeganHasNoTimes) {
  Metrics metrics(terms());
  const auto now = engine::GenerationFacts::Time{} + std::chrono::hours(1);
  metrics.generation_ended(
      {.reason = "abort", .prompt_tokens = 4, .facts = {.arrived = now}, .ended = now + milliseconds(5)});
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("finished_reason=\"abort\",model_name=\"a \\\"model\\\"\"} 1\n"));
  EXPECT_THAT(
      text,
      HasSubstr("vllm:request_queue_time_seconds_count{engine=\"0\",model_name=\"a \\\"model\\\"\"} 0\n"));
}

TEST(Metrics, BodiesByRoute) {
  Metrics metrics(terms());
  metrics.http_answered({.handler = "/a", .method = "POST", .status = 200, .request_bytes = 10});
  metrics.http_answered(
      {.handler = "/a", .method = "GET", .status = 404, .request_bytes = 5, .response_bytes = 7});
  metrics.http_answered({.handler = "none", .method = "GET", .status = 404, .response_bytes = 3});
  const std::string text = metrics.text();
  for (const char* line :
       {"# TYPE http_request_size_bytes summary", "http_request_size_bytes_count{handler=\"/a\"} 2",
        "http_request_size_bytes_sum{handler=\"/a\"} 15", "http_response_size_bytes_sum{handler=\"/a\"} 7",
        "http_response_size_bytes_count{handler=\"none\"} 1",
        "http_requests_total{handler=\"/a\",method=\"GET\",status=\"4xx\"} 1",
        "http_request_duration_seconds_count{handler=\"/a\",method=\"POST\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(fmt::format("\n{}\n", line)));
  }
}

TEST(Metrics, Buckets) {
  EXPECT_THAT(one_two_five(64), ElementsAre(1, 2, 5, 10, 20, 50));
  EXPECT_EQ(kFirstTokenSeconds.size(), 22u);
  EXPECT_TRUE(std::ranges::is_sorted(kRequestSeconds));
}

}  // namespace
}  // namespace atelier::observe
