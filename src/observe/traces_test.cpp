#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "observe/span.h"
#include "observe/stats_log.h"
#include "observe/trace_context.h"

namespace atelier::observe {
namespace {

using ::testing::HasSubstr;

TEST(Traceparent, IsReadAsTheStandardSays) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto context = parse_traceparent(good);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->parent_id, "b7ad6b7169203331");
  EXPECT_TRUE(context->sampled);
  EXPECT_FALSE(parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")->sampled);
  EXPECT_TRUE(parse_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"));
  for (const char* bad : {"", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                          "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                          "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                          "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                          "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}) {
    EXPECT_FALSE(parse_traceparent(bad)) << bad;
  }
}

TEST(Span, OtlpJsonHasItsTypes) {
  Span span{.context = {.trace_id = std::string(32, 'a'), .parent_id = "b7ad6b7169203331"},
            .id = "1234567890abcdef",
            .name = "llm_request",
            .begin_ns = 1'700'000'000'000'000'000,
            .end_ns = 1'700'000'000'000'000'001,
            .attributes = {{"count", std::int64_t{3}}, {"share", 0.5}, {"name", std::string("x\"y")}},
            .failed = true};
  const std::string text = otlp_json(std::span(&span, 1), "1.0");
  ASSERT_TRUE(parse_json(text));
  EXPECT_THAT(text, HasSubstr(R"("startTimeUnixNano":"1700000000000000000")"));
  EXPECT_THAT(text, HasSubstr(R"({"key":"count","value":{"intValue":"3"}})"));
  EXPECT_THAT(text, HasSubstr(R"("parentSpanId":"b7ad6b7169203331")"));
  EXPECT_THAT(text, HasSubstr(R"("status":{"code":2})"));
  EXPECT_THAT(text, HasSubstr(R"("stringValue":"x\"y")"));
}

TEST(StatsLine, SaysRatesAndIsSilentAtRest) {
  engine::EngineStats before, now;
  EXPECT_EQ(stats_line(before, now, 10), "");
  now.steps = 5;
  now.prompt_tokens = 1280;
  now.generated_tokens = 640;
  now.running = 2;
  now.blocks_used = 1;
  now.blocks_total = 4;
  now.prefix_queries = 100;
  now.prefix_hits = 20;
  EXPECT_EQ(stats_line(before, now, 10),
            "Engine 000: Avg prompt throughput: 128.0 tokens/s, Avg generation throughput: 64.0 tokens/s, "
            "Running: 2 "
            "reqs, Waiting: 0 reqs, KV cache usage: 25.0%, Prefix cache hit rate: 20.0%");
}

}  // namespace
}  // namespace atelier::observe
