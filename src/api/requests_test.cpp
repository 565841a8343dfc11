// The parsing table of both generating requests: what is accepted, what is refused and which field is named.
#include <gtest/gtest.h>

#include "api/chat_request.h"
#include "api/completion_request.h"
#include "api/messages_request.h"
#include "api/responses_request.h"
#include "api/tokenize_request.h"

namespace atelier::api {
namespace {

constexpr std::string_view kMessages = R"("messages":[{"role":"user","content":"hi"}])";

std::string chat_with(std::string_view more) {
  return fmt::format("{{{}{}{}}}", kMessages, more.empty() ? "" : ",", more);
}

std::string completion_with(std::string_view more) {
  return fmt::format(R"({{"prompt":"hi"{}{}}})", more.empty() ? "" : ",", more);
}

TEST(ChatRequest, HasDefaults) {
  const auto request = parse_chat_request(chat_with(""));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "");
  EXPECT_FALSE(request->temperature || request->top_p || request->top_k || request->seed);
  EXPECT_FALSE(request->max_tokens);
  EXPECT_EQ(request->n, 1);
  EXPECT_EQ(request->logprobs, -1);
  EXPECT_FALSE(request->stream);
  EXPECT_TRUE(request->add_generation_prompt && request->skip_special_tokens);
  EXPECT_TRUE(request->stop.empty() && request->tools.empty() && request->unknown.empty());
}

TEST(ChatRequest, NullIsTheSameAsAbsent) {
  for (const char* name : {"model",
                           "temperature",
                           "top_p",
                           "top_k",
                           "min_p",
                           "n",
                           "seed",
                           "stop",
                           "stream",
                           "max_tokens",
                           "stream_options",
                           "logprobs",
                           "tools",
                           "tool_choice",
                           "logit_bias",
                           "user",
                           "response_format",
                           "presence_penalty",
                           "chat_template_kwargs",
                           "ignore_eos",
                           "top_logprobs",
                           "stop_token_ids",
                           "min_tokens"}) {
    const auto request = parse_chat_request(chat_with(fmt::format("\"{}\":null", name)));
    EXPECT_TRUE(request) << name << ": " << request.error().message;
  }
}

TEST(ChatRequest, ReadsEveryField) {
  const auto request = parse_chat_request(chat_with(
      R"("model":"m","temperature":0.5,"top_p":0.9,"top_k":-1,"min_p":0.1,"repetition_penalty":1.1,)"
      R"("presence_penalty":-2,"frequency_penalty":2,"seed":-5,"max_tokens":7,"n":3,"stop":["a","b"],)"
      R"("stop_token_ids":[1,2],"include_stop_str_in_output":true,"ignore_eos":true,"stream":true,)"
      R"("skip_special_tokens":false,"stream_options":{"include_usage":true,"continuous_usage_stats":true},)"
      R"("logprobs":true,"top_logprobs":4,"chat_template_kwargs":{"enable_thinking":false},"novelty":1)"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "m");
  EXPECT_FLOAT_EQ(*request->temperature, 0.5f);
  EXPECT_FLOAT_EQ(*request->top_p, 0.9f);
  EXPECT_EQ(request->top_k, 0);  // -1 = off
  EXPECT_FLOAT_EQ(*request->min_p, 0.1f);
  EXPECT_FLOAT_EQ(*request->repetition_penalty, 1.1f);
  EXPECT_FLOAT_EQ(*request->presence_penalty, -2.0f);
  EXPECT_FLOAT_EQ(*request->frequency_penalty, 2.0f);
  EXPECT_EQ(request->seed, static_cast<std::uint64_t>(-5));
  EXPECT_EQ(request->max_tokens, 7);
  EXPECT_EQ(request->n, 3);
  EXPECT_EQ(request->stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request->stop_token_ids, (std::vector<std::int32_t>{1, 2}));
  EXPECT_TRUE(request->include_stop_str_in_output && request->ignore_eos && request->stream);
  EXPECT_TRUE(request->include_usage && request->continuous_usage);
  EXPECT_FALSE(request->skip_special_tokens);
  EXPECT_EQ(request->logprobs, 4);
  EXPECT_EQ(request->template_variables.at("enable_thinking"), false);
  EXPECT_EQ(request->unknown, (std::vector<std::string>{"novelty"}));
}

TEST(ChatRequest, NewNameOfMaxTokensWins) {
  EXPECT_EQ(parse_chat_request(chat_with(R"("max_tokens":7,"max_completion_tokens":9)"))->max_tokens, 9);
  EXPECT_EQ(parse_chat_request(chat_with(R"("max_tokens":5.0)"))->max_tokens, 5);
}

struct Refused {
  const char* field;  // what the error names
  const char* json;   // members of the body
};

class ChatRefusal : public testing::TestWithParam<Refused> {};

TEST_P(ChatRefusal, NamesTheField) {
  const auto request = parse_chat_request(chat_with(GetParam().json));
  ASSERT_FALSE(request) << GetParam().json;
  EXPECT_TRUE(request.error().fault == Fault::kBadRequest || request.error().fault == Fault::kUnsupported);
  EXPECT_EQ(request.error().param, GetParam().field) << request.error().message;
  EXPECT_FALSE(request.error().message.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Table, ChatRefusal,
    testing::Values(
        Refused{"temperature", R"("temperature":-0.1)"}, Refused{"temperature", R"("temperature":"1")"},
        Refused{"temperature", R"("temperature":true)"}, Refused{"top_p", R"("top_p":0)"},
        Refused{"top_p", R"("top_p":1.01)"}, Refused{"min_p", R"("min_p":-1e-9)"},
        Refused{"repetition_penalty", R"("repetition_penalty":0)"},
        Refused{"presence_penalty", R"("presence_penalty":2.1)"}, Refused{"n", R"("n":0)"},
        Refused{"n", R"("n":9)"}, Refused{"n", R"("n":1.5)"}, Refused{"n", R"("n":100000000000)"},
        Refused{"seed", R"("seed":1e300)"}, Refused{"max_tokens", R"("max_tokens":0)"},
        Refused{"max_tokens", R"("max_tokens":-1)"},
        Refused{"max_tokens", R"("max_tokens":18446744073709551615)"},
        Refused{"top_logprobs", R"("top_logprobs":3)"},
        Refused{"top_logprobs", R"("logprobs":true,"top_logprobs":1048577)"},
        Refused{"stop", R"("stop":[""])"}, Refused{"stop", R"("stop":[1])"}, Refused{"stop", R"("stop":{})"},
        Refused{"stop", R"("stop":["a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"])"},
        Refused{"stop_token_ids", R"("stop_token_ids":[-1])"},
        Refused{"stop_token_ids", R"("stop_token_ids":["a"])"}, Refused{"stream", R"("stream":"yes")"},
        Refused{"stream_options", R"("stream_options":{})"},
        Refused{"stream_options.include_usage", R"("stream":true,"stream_options":{"include_usage":1})"},
        Refused{"response_format", R"("response_format":{"type":"json_object"})"},
        Refused{"guided_json", R"("guided_json":{"type":"object"})"}, Refused{"tools", R"("tools":"a")"},
        Refused{"tools[0].type", R"("tools":[{"type":"x"}])"},
        Refused{"tools[0].function.name", R"("tools":[{"type":"function","function":{}}])"},
        Refused{"tool_choice", R"("tool_choice":"required")"},
        Refused{"tool_choice", R"("tool_choice":{"type":"function"})"},
        Refused{"chat_template_kwargs", R"("chat_template_kwargs":{"messages":[]})"},
        Refused{"chat_template_kwargs", R"("chat_template_kwargs":{"tokenize":true})"},
        Refused{"chat_template", R"("chat_template":"{{ 1 }}")"},
        Refused{"continue_final_message", R"("continue_final_message":true,"add_generation_prompt":true)"},
        Refused{"functions", R"("functions":[])"}, Refused{"model", R"("model":7)"}));

// Every numeric field x values at the edges of what JSON can say: an answer or a refusal, never anything
// else.
TEST(EdgeNumbers, AreAnsweredOrRefused) {
  const char* fields[] = {"temperature",
                          "top_p",
                          "top_k",
                          "min_p",
                          "repetition_penalty",
                          "presence_penalty",
                          "frequency_penalty",
                          "seed",
                          "max_tokens",
                          "n",
                          "top_logprobs",
                          "logprobs",
                          "max_completion_tokens",
                          "min_tokens",
                          "best_of",
                          "stop_token_ids",
                          "max_new_tokens",
                          "prompt_logprobs",
                          "truncate_prompt_tokens",
                          "length_penalty",
                          "priority"};
  const char* values[] = {"-1",
                          "0",
                          "1",
                          "2",
                          "-0.0",
                          "0.5",
                          "1e308",
                          "-1e308",
                          "1e-320",
                          "1e400",
                          "NaN",
                          "Infinity",
                          "\"1\"",
                          "null",
                          "true",
                          "[]",
                          "{}",
                          "[1]",
                          "4294967296",
                          "9223372036854775807",
                          "-9223372036854775808",
                          "18446744073709551616",
                          "2147483648"};
  int accepted = 0, refused = 0;
  for (const char* field : fields) {
    for (const char* value : values) {
      const std::string member = fmt::format("\"{}\":{}", field, value);
      const auto chat = parse_chat_request(chat_with(member));
      const auto completion = parse_completion_request(completion_with(member));
      for (const bool good : {chat.has_value(), completion.has_value()}) ++(good ? accepted : refused);
      EXPECT_TRUE(chat || !chat.error().message.empty());
      const bool sane =
          !chat || ((!chat->temperature || (*chat->temperature >= 0 && *chat->temperature <= 100)) &&
                    (!chat->top_p || (*chat->top_p > 0 && *chat->top_p <= 1)) &&
                    (!chat->max_tokens || *chat->max_tokens >= 1));
      EXPECT_TRUE(sane) << member;
      EXPECT_TRUE(!completion || (completion->n >= 1 && completion->n <= kMaxChoices)) << member;
    }
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 300);
}

class BadBody : public testing::TestWithParam<const char*> {};

TEST_P(BadBody, IsRefusedByBoth) {
  EXPECT_FALSE(parse_chat_request(GetParam()));
  EXPECT_FALSE(parse_completion_request(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Table, BadBody,
                         testing::Values("", " ", "{", "[]", "null", "7", "\"a\"", "{}", "{\"messages\":[]}",
                                         "{\"prompt\":[]}", "{\"a\":1}}", "{'prompt':'a'}",
                                         "{\"prompt\":\"\xff\"}", "{\"messages\":\"hi\",\"prompt\":{}}",
                                         "{\"prompt\":true}", "{\"prompt\":1.5}"));

TEST(BadBody, DepthIsBounded) {
  for (const int depth : {100, 100'000, 1'000'000}) {
    const std::string deep = "{\"messages\":" + std::string(static_cast<std::size_t>(depth), '[');
    EXPECT_FALSE(parse_chat_request(deep)) << depth;
  }
}

TEST(ChatMessages, AreNormalised) {
  const auto request = parse_chat_request(
      R"({"messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",)"
      R"("function":{"name":"f","arguments":"{\"x\": [1]}"}}],"strange":1},)"
      R"({"role":"tool","content":"r","tool_call_id":"1"}]})");
  ASSERT_TRUE(request) << request.error().message;
  const auto& messages = request->messages;
  EXPECT_EQ(messages[0].at("role"), "system");
  EXPECT_EQ(messages[0].at("content"), "a\nb");
  EXPECT_EQ(messages[1].at("content"), "");
  EXPECT_EQ(messages[1].at("tool_calls").at(0).at("function").at("arguments").at("x").at(0), 1);
  EXPECT_FALSE(messages[1].as_object().contains("strange"));
  EXPECT_EQ(messages[2].at("tool_call_id"), "1");
}

TEST(ChatMessages, RefuseWhatIsNotText) {
  const std::pair<const char*, const char*> cases[] = {
      {"messages[0]", R"("hello")"},
      {"messages[0].role", R"({"content":"a"})"},
      {"messages[0].role", R"({"role":"king","content":"a"})"},
      {"messages[0].content", R"({"role":"user"})"},
      {"messages[0].content", R"({"role":"user","content":7})"},
      {"messages[0].content[0]",
       R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]})"},
      {"messages[0].content[0].text", R"({"role":"user","content":[{"type":"text"}]})"},
      {"messages[0].tool_calls", R"({"role":"assistant","tool_calls":1})"},
      {"messages[0].tool_calls[0].function.arguments",
       R"({"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{"}}]})"},
  };
  for (const auto& [param, message] : cases) {
    const auto request = parse_chat_request(fmt::format(R"({{"messages":[{}]}})", message));
    ASSERT_FALSE(request) << message;
    EXPECT_EQ(request.error().param, param) << request.error().message;
  }
}

TEST(ChatMessages, AreBoundedInNumber) {
  std::string body = R"({"messages":[)";
  for (std::size_t i = 0; i <= kMaxMessages; ++i) body += R"({"role":"user","content":"a"},)";
  body.back() = ']';
  const auto request = parse_chat_request(body + "}");
  ASSERT_FALSE(request);
  EXPECT_NE(request.error().message.find("1024"), std::string::npos);
}

TEST(ChatTools, NoneLeavesThemOut) {
  constexpr std::string_view kTool = R"("tools":[{"type":"function","function":{"name":"f"}}])";
  EXPECT_EQ(parse_chat_request(chat_with(kTool))->tools.size(), 1u);
  EXPECT_EQ(parse_chat_request(chat_with(fmt::format(R"({},"tool_choice":"none")", kTool)))->tools.size(),
            0u);
}

TEST(CompletionRequest, ReadsEveryFormOfPrompt) {
  using Ids = std::vector<std::int32_t>;
  EXPECT_EQ(std::get<std::string>(parse_completion_request(R"({"prompt":"a"})")->prompts.at(0)), "a");
  EXPECT_EQ(parse_completion_request(R"({"prompt":["a","b"]})")->prompts.size(), 2u);
  EXPECT_EQ(std::get<Ids>(parse_completion_request(R"({"prompt":[1,2]})")->prompts.at(0)), (Ids{1, 2}));
  EXPECT_EQ(std::get<Ids>(parse_completion_request(R"({"prompt":[[1],[2,3]]})")->prompts.at(1)), (Ids{2, 3}));
}

TEST(CompletionRequest, HasItsOwnRules) {
  EXPECT_EQ(parse_completion_request(completion_with(""))->max_tokens, 16);
  EXPECT_EQ(parse_completion_request(completion_with(R"("max_new_tokens":3)"))->max_tokens, 3);
  EXPECT_EQ(parse_completion_request(completion_with(R"("echo":true,"max_tokens":0)"))->max_tokens, 0);
  EXPECT_EQ(parse_completion_request(completion_with(R"("logprobs":5)"))->logprobs, 5);
  const std::pair<const char*, const char*> refused[] = {
      {"max_tokens", R"({"prompt":"a","max_tokens":0})"},
      {"logprobs", R"({"prompt":"a","logprobs":true})"},
      {"suffix", R"({"prompt":"a","suffix":"b"})"},
      {"best_of", R"({"prompt":"a","n":3,"best_of":2})"},
      {"best_of", R"({"prompt":"a","best_of":2,"stream":true})"},
      {"best_of", R"({"prompt":"a","best_of":21})"},
      {"prompt", R"({"prompt":[1,-1]})"},
      {"prompt", R"({"prompt":[1,"a"]})"},
      {"prompt", R"({"prompt":[["a"]]})"},
      {"prompt", R"({"prompt":["a",1]})"},
      {"prompt", R"({"prompt":[99999999999]})"},
      {"prompt", R"({})"},
  };
  for (const auto& [param, body] : refused) {
    const auto request = parse_completion_request(body);
    ASSERT_FALSE(request) << body;
    EXPECT_EQ(request.error().param, param) << request.error().message;
  }
}

TEST(CompletionRequest, BoundsTheNumberOfAnswers) {
  std::string prompts = "[";
  for (int i = 0; i < 100; ++i) prompts += "\"a\",";
  prompts.back() = ']';
  EXPECT_TRUE(parse_completion_request("{\"prompt\":" + prompts + "}"));
  const auto request = parse_completion_request("{\"n\":2,\"prompt\":" + prompts + "}");
  ASSERT_FALSE(request);
  EXPECT_NE(request.error().message.find("128"), std::string::npos);
}

TEST(TokenizeRequest, TakesATextOrAChat) {
  const auto text = parse_tokenize_request(R"({"prompt": "a b", "return_token_strs": true})");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->text, "a b");
  EXPECT_TRUE(text->add_special_tokens && text->return_token_strs && !text->chat);
  const auto chat = parse_tokenize_request(
      R"({"messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": false, "odd": 1})");
  ASSERT_TRUE(chat);
  ASSERT_TRUE(chat->chat);
  EXPECT_FALSE(chat->add_special_tokens);
  EXPECT_FALSE(chat->chat->add_generation_prompt);
  EXPECT_EQ(chat->unknown, std::vector<std::string>{"odd"});
}

TEST(TokenizeRequest, RefusesWhatCannotBe) {
  for (const char* body : {R"({})", R"({"prompt": 3})", R"({"prompt": "a", "messages": []})", R"([])",
                           R"({"prompt": "a", "add_special_tokens": "yes"})", R"({"messages": []})"}) {
    EXPECT_FALSE(parse_tokenize_request(body)) << body;
  }
}

TEST(DetokenizeRequest, TakesIdsOnly) {
  const auto request = parse_detokenize_request(R"({"tokens": [1, 2.0, 3]})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->tokens, (std::vector<std::int32_t>{1, 2, 3}));
  for (const char* body : {R"({})", R"({"tokens": "1"})", R"({"tokens": [-1]})", R"({"tokens": [1.5]})",
                           R"({"tokens": [4294967296]})"}) {
    EXPECT_FALSE(parse_detokenize_request(body)) << body;
  }
}

TEST(TokenizeReply, SaysNullWithoutStrings) {
  EXPECT_EQ(tokenize_reply({5, 6}, 100, nullptr),
            R"({"count":2,"max_model_len":100,"tokens":[5,6],"token_strs":null})");
  const std::vector<std::string> strings = {"a", "\u0120b"};
  EXPECT_EQ(tokenize_reply({5, 6}, 100, &strings),
            "{\"count\":2,\"max_model_len\":100,\"tokens\":[5,6],\"token_strs\":[\"a\",\"\u0120b\"]}");
}

TEST(GenerateRequest, IsACompletionThatRepeatsItsPrompt) {
  const auto request = parse_generate_request(R"({"prompt":"hi","max_new_tokens":7,"top_p":0.9,"n":2})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_TRUE(request->echo);
  EXPECT_EQ(request->max_tokens, 7);
  EXPECT_EQ(request->n, 2);
  ASSERT_EQ(request->prompts.size(), 1u);
  EXPECT_EQ(std::get<std::string>(request->prompts[0]), "hi");
  EXPECT_EQ(parse_generate_request(R"({"prompt":"hi"})")->max_tokens, 16);
  EXPECT_EQ(parse_generate_request(R"({"prompt":[1,2]})").error().param, "prompt");
  EXPECT_EQ(parse_generate_request("{}").error().param, "prompt");
}

TEST(MessagesRequest, BecomesAChat) {
  const auto request = parse_messages_request(
      R"({"max_tokens":5,"system":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"top_k":3,
          "stop_sequences":["x"],"stream":true,"metadata":{"user_id":"u"},"new":1,
          "messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]})");
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_EQ(request->messages.size(), 2u);
  EXPECT_EQ(request->messages[0].at("role"), "system");
  EXPECT_EQ(request->messages[0].at("content"), "a\nb");
  EXPECT_EQ(request->messages[1].at("content"), "hi");
  EXPECT_EQ(request->max_tokens, 5);
  EXPECT_EQ(request->top_k, 3);
  EXPECT_EQ(request->stop, std::vector<std::string>{"x"});
  EXPECT_TRUE(request->stream && request->add_generation_prompt && !request->continue_final_message);
  EXPECT_EQ(request->unknown, std::vector<std::string>{"new"});
  EXPECT_EQ(parse_messages_request(R"({"messages":[{"role":"user","content":"hi"}]})").error().param,
            "max_tokens");
  EXPECT_TRUE(parse_count_tokens_request(R"({"messages":[{"role":"user","content":"hi"}]})"));
}

TEST(MessagesRequest, GoesOnWithAnAssistantsLastWords) {
  const auto request = parse_messages_request(
      R"({"max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"Well"}]})");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->continue_final_message);
  EXPECT_FALSE(request->add_generation_prompt);
}

TEST(ResponsesRequest, BecomesAChat) {
  const auto request = parse_responses_request(
      R"({"input":[{"type":"reasoning","summary":[]},{"role":"developer","content":"x"},
                   {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}],
          "instructions":"be brief","max_output_tokens":9,"previous_response_id":"resp_1","store":false,
          "metadata":{"a":"b"},"new":1})");
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_EQ(request->chat.messages.size(), 2u);
  EXPECT_EQ(request->chat.messages[0].at("role"), "system");
  EXPECT_EQ(request->chat.messages[1].at("content"), "hi");
  EXPECT_EQ(request->chat.max_tokens, 9);
  EXPECT_EQ(request->instructions, "be brief");
  EXPECT_EQ(request->previous_response_id, "resp_1");
  EXPECT_FALSE(request->store);
  EXPECT_EQ(request->metadata.at("a"), "b");
  EXPECT_EQ(request->chat.unknown, std::vector<std::string>{"new"});
  EXPECT_EQ(parse_responses_request(R"({"input":"hi"})")->chat.messages[0].at("role"), "user");
}

}  // namespace
}  // namespace atelier::api
