#include "load/answer.h"

#include <gtest/gtest.h>

namespace atelier::load {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kChat =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"
    ": a comment\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n"
    "data: [DONE]\n\n";

AnswerReader reader() {
  return AnswerReader({.run_begin = client::Clock::now(), .input_tokens = 5, .keep_text = true});
}

TEST(AnswerReader, ReadsAStreamHoweverItIsCut) {
  for (std::size_t cut = 1; cut < 40; ++cut) {
    AnswerReader answer = reader();
    for (std::size_t at = 0; at < kChat.size(); at += cut)
      answer.feed(200, kChat.substr(at, cut), client::Clock::now());
    const Answer read = answer.end({.status = 200, .broken = {}}, client::Clock::now());
    EXPECT_TRUE(read.success) << read.error;
    EXPECT_EQ(read.text, "Hello");
    EXPECT_EQ(read.input_tokens, 7);
    EXPECT_EQ(read.output_tokens, 3);
    EXPECT_TRUE(read.counted_by_server);
    EXPECT_EQ(read.itl_s.size(), 1u);
  }
}

TEST(AnswerReader, TimesTheFirstTextAndNotTheChunkThatOpens) {
  AnswerReader answer = reader();
  const client::Clock::time_point begin = client::Clock::now();
  answer.feed(200, "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n", begin);
  answer.feed(200, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", begin + milliseconds(300));
  answer.feed(200, "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n", begin + milliseconds(350));
  answer.feed(200, "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\n\n",
              begin + milliseconds(400));
  const Answer read = answer.end({.status = 200, .broken = {}}, begin + milliseconds(900));
  EXPECT_TRUE(read.success);
  EXPECT_NEAR(read.ttft_s, 0.3, 0.05);
  ASSERT_EQ(read.itl_s.size(), 1u);
  EXPECT_NEAR(read.itl_s[0], 0.05, 1e-9);
  EXPECT_NEAR(read.latency_s, 0.4, 0.05);
  EXPECT_EQ(read.output_tokens, 2);  // pieces, for want of a usage
  EXPECT_FALSE(read.counted_by_server);
}

TEST(AnswerReader, TellsWhyAnAnswerFailed) {
  AnswerReader refused = reader();
  refused.feed(429, "{\"error\":{\"message\":\"full\"}}", client::Clock::now());
  EXPECT_EQ(refused.end({.status = 429, .broken = {}}, client::Clock::now()).error, "HTTP 429: full");

  AnswerReader cut = reader();
  cut.feed(200, "data: {\"choices\":[{\"text\":\"a\"}]}\n\n", client::Clock::now());
  const Answer short_one = cut.end({.status = 200, .broken = {}}, client::Clock::now());
  EXPECT_FALSE(short_one.success);
  EXPECT_EQ(short_one.error, "the stream ended without a finish_reason");

  AnswerReader broken = reader();
  EXPECT_EQ(broken.end({.status = 0, .broken = "connection refused"}, client::Clock::now()).error,
            "connection refused");

  AnswerReader midway = reader();
  midway.feed(200, "data: {\"error\":{\"message\":\"out of memory\"}}\n\ndata: [DONE]\n\n",
              client::Clock::now());
  EXPECT_EQ(midway.end({.status = 200, .broken = {}}, client::Clock::now()).error, "out of memory");
}

}  // namespace
}  // namespace atelier::load
