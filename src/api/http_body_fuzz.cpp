// Bodies of generating and tokenising requests: parsed or refused, whatever the bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/chat_request.h"
#include "api/completion_request.h"
#include "api/embedding_request.h"
#include "api/error_body.h"
#include "api/messages_request.h"
#include "api/responses_reply.h"
#include "api/tokenize_request.h"
#include "base/check.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atelier;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto chat = api::parse_chat_request(body);
  const auto completion = api::parse_completion_request(body);
  if (chat) {
    ATELIER_CHECK(!chat->messages.empty() && chat->n >= 1 && chat->n <= api::kMaxChoices);
    ATELIER_CHECK(!chat->top_p || (*chat->top_p > 0 && *chat->top_p <= 1));
  } else {
    ATELIER_CHECK(parse_json(api::error_body(chat.error())));  // the error itself is valid JSON
  }
  if (completion) {
    ATELIER_CHECK(!completion->prompts.empty() && completion->max_tokens >= 0);
    ATELIER_CHECK(completion->min_tokens <= completion->max_tokens && completion->n <= completion->best_of);
    for (const auto [id, bias] : completion->logit_bias)
      ATELIER_CHECK(id >= 0 && bias >= -100 && bias <= 100);
  } else {
    ATELIER_CHECK(api::error_kind(completion.error().fault).status == 400);
  }
  const auto messages = api::parse_messages_request(body);
  if (messages) {
    ATELIER_CHECK(!messages->messages.empty() && messages->max_tokens >= 1 && messages->n == 1);
  } else {
    ATELIER_CHECK(parse_json(api::error_body(messages.error(), api::ErrorShape::kAnthropic)));
  }
  const auto count = api::parse_count_tokens_request(body);
  if (count) ATELIER_CHECK(!count->messages.empty());
  const auto generate = api::parse_generate_request(body);
  if (generate) ATELIER_CHECK(generate->prompts.size() == 1 && generate->echo);
  const auto responses = api::parse_responses_request(body);
  if (responses) {
    ATELIER_CHECK(!responses->chat.messages.empty() && responses->metadata.size() <= api::kMaxMetadata);
    ATELIER_CHECK(api::response_settings(*responses).contains("store"));
  }
  const auto embedding = api::parse_embedding_request(body);
  if (embedding)
    ATELIER_CHECK(!embedding->inputs.empty() && embedding->inputs.size() <= api::kMaxEmbeddingInputs);
  const auto tokenize = api::parse_tokenize_request(body);
  if (tokenize) ATELIER_CHECK(tokenize->text.has_value() != tokenize->chat.has_value());
  const auto detokenize = api::parse_detokenize_request(body);
  if (detokenize)
    for (const auto id : detokenize->tokens) ATELIER_CHECK(id >= 0);
  return 0;
}
