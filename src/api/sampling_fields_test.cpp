// Fields that change how tokens are chosen or what is told of them.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "api/chat_request.h"
#include "api/completion_request.h"

namespace atelier::api {
namespace {

Result<CompletionRequest> completion(std::string_view members) {
  return parse_completion_request(fmt::format(R"({{"prompt":"a",{}}})", members));
}

Result<ChatRequest> chat(std::string_view members) {
  return parse_chat_request(fmt::format(R"({{"messages":[{{"role":"user","content":"a"}}],{}}})", members));
}

TEST(SamplingFields, Restrictions) {
  const auto request = completion(
      R"("logit_bias":{"5":-100,"17":0.5},"allowed_token_ids":[5,17,5.0],"bad_words":["no"," way"],)"
      R"("min_tokens":4)");
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_EQ(request->logit_bias.size(), 2u);
  EXPECT_EQ(request->logit_bias[0].id, 5);
  EXPECT_EQ(request->logit_bias[0].bias, -100.0f);
  EXPECT_EQ(request->logit_bias[1].bias, 0.5f);
  EXPECT_EQ(request->allowed_token_ids, (std::vector<std::int32_t>{5, 17, 5}));
  EXPECT_EQ(request->bad_words, (std::vector<std::string>{"no", " way"}));
  EXPECT_EQ(request->min_tokens, 4);
  EXPECT_TRUE(request->unknown.empty());
}

TEST(SamplingFields, WhatIsToldAndHowItIsHandled) {
  const auto request =
      chat(R"("prompt_logprobs":3,"return_token_ids":true,"truncate_prompt_tokens":-1,"priority":-7,)"
           R"("cache_salt":"class 4","request_id":"a-1.b_2","spaces_between_special_tokens":false,)"
           R"("length_penalty":0.5)");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->prompt_logprobs, 3);
  EXPECT_TRUE(request->return_token_ids);
  ASSERT_TRUE(request->truncate_prompt);
  EXPECT_EQ(request->truncate_prompt->tokens, -1);
  EXPECT_FALSE(request->truncate_prompt->keep_first);
  EXPECT_EQ(request->priority, -7);
  EXPECT_EQ(request->cache_salt, "class 4");
  EXPECT_EQ(request->request_id, "a-1.b_2");
  EXPECT_EQ(request->beam.length_penalty, 0.5);
  EXPECT_TRUE(request->unknown.empty());
}

TEST(SamplingFields, Defaults) {
  const auto request = completion(R"("n":2)");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->best_of, 2);
  EXPECT_EQ(request->prompt_logprobs, -1);
  EXPECT_EQ(request->min_tokens, 0);
  EXPECT_FALSE(request->truncate_prompt || request->beam.wanted || request->return_token_ids);
}

TEST(SamplingFields, EchoGoesWithLogprobs) {
  const auto request = completion(R"("echo":true,"logprobs":2,"max_tokens":0)");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->logprobs, 2);
}

struct Refused {
  const char* field;
  const char* json;
};

class SamplingRefusal : public testing::TestWithParam<Refused> {};

TEST_P(SamplingRefusal, NamesTheField) {
  const auto request = completion(GetParam().json);
  ASSERT_FALSE(request) << GetParam().json;
  EXPECT_TRUE(request.error().fault == Fault::kBadRequest || request.error().fault == Fault::kUnsupported);
  EXPECT_EQ(request.error().param, GetParam().field) << request.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, SamplingRefusal,
    testing::Values(
        Refused{"logit_bias", R"("logit_bias":[1])"}, Refused{"logit_bias", R"("logit_bias":{"a":1})"},
        Refused{"logit_bias", R"("logit_bias":{"-1":1})"}, Refused{"logit_bias", R"("logit_bias":{" 1":1})"},
        Refused{"logit_bias", R"("logit_bias":{"99999999999":1})"},
        Refused{"logit_bias", R"("logit_bias":{"1":100.5})"},
        Refused{"logit_bias", R"("logit_bias":{"1":"1"})"},
        Refused{"logit_bias", R"("logit_bias":{"1":null})"},
        Refused{"allowed_token_ids", R"("allowed_token_ids":[])"},
        Refused{"allowed_token_ids", R"("allowed_token_ids":[-1])"},
        Refused{"allowed_token_ids", R"("allowed_token_ids":["1"])"},
        Refused{"bad_words", R"("bad_words":"no")"}, Refused{"bad_words", R"("bad_words":[""])"},
        Refused{"bad_words", R"("bad_words":[1])"}, Refused{"min_tokens", R"("min_tokens":-1)"},
        Refused{"min_tokens", R"("min_tokens":5,"max_tokens":4)"},
        Refused{"min_tokens", R"("min_tokens":17)"},  // more than the default of max_tokens
        Refused{"prompt_logprobs", R"("prompt_logprobs":-1)"},
        Refused{"prompt_logprobs", R"("prompt_logprobs":1048577)"},
        Refused{"prompt_logprobs", R"("prompt_logprobs":1,"stream":true)"},
        Refused{"truncate_prompt_tokens", R"("truncate_prompt_tokens":0)"},
        Refused{"truncate_prompt_tokens", R"("truncate_prompt_tokens":-2)"},
        Refused{"truncation_side", R"("truncation_side":"middle")"},
        Refused{"priority", R"("priority":2147483648)"}, Refused{"priority", R"("priority":1.5)"},
        Refused{"cache_salt", R"("cache_salt":"")"}, Refused{"cache_salt", R"("cache_salt":5)"},
        Refused{"request_id", R"("request_id":"")"}, Refused{"request_id", R"("request_id":"a b")"},
        Refused{"length_penalty", R"("length_penalty":1e9)"},
        Refused{"return_token_ids", R"("return_token_ids":1)"},
        Refused{"use_beam_search", R"("use_beam_search":1)"},
        Refused{"stream", R"("use_beam_search":true,"stream":true)"},
        Refused{"stop", R"("use_beam_search":true,"stop":"a")"},
        Refused{"bad_words", R"("use_beam_search":true,"bad_words":["a"])"},
        Refused{"prompt_logprobs", R"("use_beam_search":true,"prompt_logprobs":1)"},
        Refused{"logprobs", R"("use_beam_search":true,"logprobs":1,"echo":true)"}));

TEST(SamplingFields, AreBoundedInNumber) {
  std::string biases = "\"logit_bias\":{";
  for (std::size_t i = 0; i <= kMaxLogitBias; ++i) biases += fmt::format("\"{}\":1,", i);
  biases.back() = '}';
  const auto request = completion(biases);
  ASSERT_FALSE(request);
  EXPECT_NE(request.error().message.find("1025 entries; the limit is 1024"), std::string::npos);
}

}  // namespace
}  // namespace atelier::api
