#include <gtest/gtest.h>

#include <limits>

#include "api/error_body.h"
#include "api/model_card.h"
#include "api/reply.h"
#include "api/responses_reply.h"
#include "base/json.h"

namespace atelier::api {
namespace {

boost::json::value read(const std::string& json) {
  auto value = parse_json(json);
  EXPECT_TRUE(value) << json;
  return value ? *value : boost::json::value();
}

// The JSON of each event in a stream, and its name before it where it has one.
struct Event {
  std::string name;
  boost::json::value data;
};
std::vector<Event> events(std::string_view stream) {
  std::vector<Event> out;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t end = stream.find("\n\n", at);
    std::string_view one = stream.substr(at, end - at);
    Event event;
    if (one.starts_with("event: ")) {
      event.name = one.substr(7, one.find('\n') - 7);
      one.remove_prefix(one.find('\n') + 1);
    }
    EXPECT_TRUE(one.starts_with("data: ")) << stream;
    event.data = one == "data: [DONE]" ? boost::json::value("[DONE]") : read(std::string(one.substr(6)));
    out.push_back(std::move(event));
    at = end + 2;
  }
  return out;
}

ReplyHead head() {
  return {.id = "chatcmpl-1", .model = "m\"x", .fingerprint = "f", .created = 5};
}

std::vector<TokenLogprobs> some_logprobs() {
  const float never = -std::numeric_limits<float>::infinity();
  return {{.chosen = {"h\xC3", -0.5f}, .top = {{"h\xC3", -0.5f}, {"b", never}}}};
}

TEST(ChatReply, ChunkHasOpenAisShape) {
  const auto format = chat_format(head());
  Piece first;
  first.first = true;
  const auto opening = events(format->chunk(first)).at(0).data;
  EXPECT_EQ(opening.at("object"), "chat.completion.chunk");
  EXPECT_EQ(opening.at("model"), "m\"x");
  EXPECT_EQ(opening.at("choices").at(0).at("delta").at("role"), "assistant");
  EXPECT_EQ(opening.at("choices").at(0).at("delta").at("content"), "");
  EXPECT_TRUE(opening.at("choices").at(0).at("finish_reason").is_null());
  EXPECT_FALSE(opening.as_object().contains("usage"));

  Piece last;
  last.index = 2;
  last.text = "bye\n";
  last.finish = {.reason = "stop", .stop_string = "###", .stop_id = -1};
  const Usage usage{.prompt_tokens = 3, .completion_tokens = 4};
  last.usage = &usage;
  const auto closing = events(format->chunk(last)).at(0).data;
  EXPECT_EQ(closing.at("choices").at(0).at("index"), 2);
  EXPECT_EQ(closing.at("choices").at(0).at("delta").at("content"), "bye\n");
  EXPECT_FALSE(closing.at("choices").at(0).at("delta").as_object().contains("role"));
  EXPECT_EQ(closing.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(closing.at("choices").at(0).at("stop_reason"), "###");
  EXPECT_EQ(closing.at("usage").at("total_tokens"), 7);
}

TEST(Replies, TellIdsAndPromptScoresInVllmsPlaces) {
  const PromptLogprobs scores = {{{7, "b", -1.5f, 3}, {5, "a", -0.5f, 1}, {7, "b", -1.5f, 2}}};
  const std::vector<std::int32_t> ids = {3, 4}, prompt = {1, 2};
  Piece piece;
  piece.has_token_ids = true;
  piece.token_ids = ids;
  piece.prompt_ids = prompt;
  piece.prompt_logprobs = &scores;
  const auto chat = read(chat_format(head())->whole({&piece, 1}, {}));
  const auto completion = read(completion_format(head())->whole({&piece, 1}, {}));
  const auto& choice = completion.at("choices").at(0);
  for (const auto& told : {chat, choice}) {
    EXPECT_EQ(told.at("prompt_token_ids").at(1), 2);
    const auto& list = told.at("prompt_logprobs").as_array();
    ASSERT_EQ(list.size(), 2u);
    EXPECT_TRUE(list[0].is_null());
    ASSERT_EQ(list[1].as_object().size(), 2u);
    EXPECT_EQ(list[1].at("7").at("rank"), 3);
    EXPECT_EQ(list[1].at("7").at("decoded_token"), "b");
    EXPECT_EQ(list[1].at("5").at("logprob"), -0.5);
  }
  EXPECT_EQ(chat.at("choices").at(0).at("token_ids").at(0), 3);
  EXPECT_EQ(choice.at("token_ids").at(1), 4);
  const auto plain = read(chat_format(head())->whole(std::span<const Piece>(&piece, 0), {}));
  EXPECT_FALSE(plain.as_object().contains("prompt_token_ids"));
}

TEST(CompletionReply, APromptsFirstTokenHasNoLogprob) {
  const std::vector<TokenLogprobs> logprobs = {{.chosen = {"a"}, .top = {}, .known = false},
                                               {.chosen = {"b", -1.0f}, .top = {{"c", -0.5f}}}};
  Piece piece;
  piece.has_logprobs = true;
  piece.logprobs = logprobs;
  const auto reply = read(completion_format(head())->whole({&piece, 1}, {}));
  const auto& told = reply.at("choices").at(0).at("logprobs");
  EXPECT_TRUE(told.at("token_logprobs").at(0).is_null() && told.at("top_logprobs").at(0).is_null());
  EXPECT_EQ(told.at("token_logprobs").at(1).to_number<double>(), -1.0);
  EXPECT_EQ(told.at("text_offset").at(1), 1);
}

TEST(ChatReply, ClosesWithTheUsageIfAskedFor) {
  const Usage usage{.prompt_tokens = 3, .completion_tokens = 4};
  EXPECT_EQ(events(chat_format(head())->close(usage, false)).size(), 1u);
  const auto closing = events(chat_format(head())->close(usage, true));
  ASSERT_EQ(closing.size(), 2u);
  EXPECT_EQ(closing[1].data, "[DONE]");
  const auto& chunk = closing[0].data;
  EXPECT_TRUE(chunk.at("choices").as_array().empty());
  EXPECT_EQ(chunk.at("usage").at("completion_tokens"), 4);
}

TEST(ChatReply, LogprobsHaveTextBytesAndOnlyFiniteNumbers) {
  const auto logprobs = some_logprobs();
  Piece piece;
  piece.has_logprobs = true;
  piece.logprobs = logprobs;
  const auto whole = read(chat_format(head())->whole(std::span(&piece, 1), {}));
  const auto& entry = whole.at("choices").at(0).at("logprobs").at("content").at(0);
  EXPECT_EQ(entry.at("token"), "h\xEF\xBF\xBD");
  EXPECT_EQ(entry.at("bytes"), (boost::json::array{104, 195}));
  EXPECT_EQ(entry.at("top_logprobs").as_array().size(), 2u);
  EXPECT_EQ(entry.at("top_logprobs").at(1).at("logprob").to_number<double>(), -9999.0);
}

TEST(CompletionReply, HasOpenAisShape) {
  const auto logprobs = some_logprobs();
  Piece piece;
  piece.text = "x";
  piece.has_logprobs = true;
  piece.logprobs = logprobs;
  piece.text_offset = 9;
  piece.finish = {.reason = "length", .stop_string = {}, .stop_id = 77};
  const auto whole = read(
      completion_format(head())->whole(std::span(&piece, 1), {.prompt_tokens = 1, .completion_tokens = 1}));
  EXPECT_EQ(whole.at("object"), "text_completion");
  const auto& choice = whole.at("choices").at(0);
  EXPECT_EQ(choice.at("text"), "x");
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_EQ(choice.at("stop_reason"), 77);
  EXPECT_EQ(choice.at("logprobs").at("text_offset").at(0), 9);
  EXPECT_EQ(choice.at("logprobs").at("tokens").as_array().size(), 1u);
  EXPECT_EQ(choice.at("logprobs").at("top_logprobs").at(0).as_object().size(), 2u);
  EXPECT_EQ(whole.at("usage").at("total_tokens"), 2);
}

TEST(GenerateReply, LinesHaveAllTheTextSoFar) {
  const auto format = generate_format(2);
  Piece piece;
  piece.text = "a";
  EXPECT_EQ(format->chunk(piece), "");  // the other choice has nothing yet
  piece.index = 1;
  piece.text = "b";
  EXPECT_EQ(format->chunk(piece), "{\"text\":[\"a\",\"b\"]}\n");
  piece.text = "c";
  EXPECT_EQ(format->chunk(piece), "{\"text\":[\"a\",\"bc\"]}\n");
  EXPECT_EQ(format->close({}, true), "");
}

TEST(MessagesReply, StreamsAnthropicsEvents) {
  const auto format = messages_format(head());
  std::string stream = format->open({.prompt_tokens = 3, .completion_tokens = 0});
  Piece piece;
  piece.text = "x";
  stream += format->chunk(piece);
  piece.text = "";
  piece.finish = {.reason = "stop", .stop_string = "###", .stop_id = -1};
  stream += format->chunk(piece);
  stream += format->close({.prompt_tokens = 3, .completion_tokens = 4}, false);
  std::vector<std::string> names;
  for (const Event& event : events(stream)) {
    EXPECT_EQ(event.data.at("type").as_string(), event.name);
    names.push_back(event.name);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"message_start", "content_block_start", "ping", "content_block_delta",
                                      "content_block_stop", "message_delta", "message_stop"}));
  const auto delta = events(stream).at(5).data;
  EXPECT_EQ(delta.at("delta").at("stop_reason"), "stop_sequence");
  EXPECT_EQ(delta.at("delta").at("stop_sequence"), "###");
  EXPECT_EQ(delta.at("usage").at("output_tokens"), 4);
}

TEST(ResponsesReply, TellsWhoKeepsItOnceAndNumbersItsEvents) {
  std::vector<std::string> kept;
  ReplyHead about = head();
  about.id = "resp_1";
  const auto format = responses_format(
      about, {.settings = {{"store", true}},
              .keep = [&](std::string json, auto text) { kept = {std::move(json), std::string(text)}; }});
  std::string stream = format->open({});
  Piece piece;
  piece.text = "a\xFF";  // what is not UTF-8 must not make the JSON unreadable
  stream += format->chunk(piece);
  piece.text = "b";
  piece.finish = {.reason = "stop", .stop_string = {}, .stop_id = -1};
  stream += format->chunk(piece);
  stream += format->close({.prompt_tokens = 3, .completion_tokens = 2}, false);
  const auto all = events(stream);
  ASSERT_EQ(all.size(), 10u);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].data.at("sequence_number"), i);
  const auto& response = all.back().data.at("response");
  EXPECT_EQ(all.back().name, "response.completed");
  EXPECT_EQ(response.at("output").at(0).at("content").at(0).at("text"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(response.at("usage").at("total_tokens"), 5);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(read(kept[0]), response);
}

TEST(ResponsesReply, AFailureIsItsLastEvent) {
  ReplyHead about = head();
  about.id = "resp_1";
  const auto format = responses_format(about, {});
  const auto told = events(format->failure({Fault::kInternal, "broken", {}})).at(0);
  EXPECT_EQ(told.name, "response.failed");
  EXPECT_EQ(told.data.at("response").at("status"), "failed");
  EXPECT_EQ(told.data.at("response").at("error").at("message"), "broken");
}

TEST(ErrorBody, HasAnthropicsShape) {
  const auto body = read(error_body({Fault::kTooLong, "too long", "x"}, ErrorShape::kAnthropic));
  EXPECT_EQ(body.at("type"), "error");
  EXPECT_EQ(body.at("error").at("type"), "invalid_request_error");
  EXPECT_EQ(body.at("error").at("message"), "too long");
}

TEST(ErrorBody, HasVllmsShape) {
  const auto body = read(error_body({Fault::kNotFound, "The model `x` does not exist.", "model"}));
  EXPECT_EQ(body.at("error").at("type"), "NotFoundError");
  EXPECT_EQ(body.at("error").at("code"), 404);
  EXPECT_EQ(body.at("error").at("param"), "model");
  EXPECT_TRUE(read(error_body(405, "Method Not Allowed", "no")).at("error").at("param").is_null());
}

TEST(ErrorBody, EveryFaultHasAStatus) {
  for (const Fault fault : {Fault::kBadRequest, Fault::kTooLong, Fault::kUnsupported}) {
    EXPECT_EQ(error_kind(fault).status, 400);
  }
  EXPECT_EQ(error_kind(Fault::kNotFound).status, 404);
  EXPECT_EQ(error_kind(Fault::kOverloaded).status, 503);
  for (const Fault fault : {Fault::kCorrupt, Fault::kIo, Fault::kNetwork, Fault::kInternal}) {
    EXPECT_EQ(error_kind(fault).status, 500);
  }
}

TEST(ModelCard, HasVllmsMembers) {
  const auto list = read(model_list({.id = "a/b", .root = "r", .created = 1, .max_model_len = 2048}));
  const auto& card = list.at("data").at(0);
  EXPECT_EQ(card.at("id"), "a/b");
  EXPECT_EQ(card.at("max_model_len"), 2048);
  EXPECT_EQ(card.at("permission").at(0).at("allow_sampling"), true);
  EXPECT_EQ(card.at("permission").at(0).at("object"), "model_permission");
}

}  // namespace
}  // namespace atelier::api
