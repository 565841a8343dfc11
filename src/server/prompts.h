// From a request to the token ids the engine will read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/chat_request.h"
#include "api/completion_request.h"
#include "api/embedding_request.h"
#include "base/result.h"
#include "server/served_model.h"

namespace atelier::server {

struct PreparedPrompt {
  std::shared_ptr<const std::vector<std::int32_t>> ids = {};
  std::string echo = {};     // text that the answer repeats first; "" = none
  bool score_echo = false;   // with the log-probabilities of its tokens
  bool scored_once = false;  // a chat's answers share one prompt_logprobs
};

// A chat rendered by the model's template and tokenised, or a text; of any length. add_special: with what the
// tokenizer itself puts first (a chat's template has written that already).
struct EncodedChat {
  std::vector<std::int32_t> ids;
  std::string echo;
};
Result<EncodedChat> encode_chat(const ServedModel& model, const api::ChatRequest& request,
                                bool add_special = false);
std::vector<std::int32_t> encode_text(const ServedModel& model, std::string_view text, bool add_special);

// The same, cut as truncate_prompt_tokens says and checked against the model's length. Takes time in
// proportion to the request: not on a connection's thread. kTooLong names both numbers.
Result<PreparedPrompt> prepare_chat(const ServedModel& model, const api::ChatRequest& request);
Result<PreparedPrompt> prepare_completion(const ServedModel& model, const api::CompletionRequest& request,
                                          const api::Prompt& prompt);
Result<PreparedPrompt> prepare_input(const ServedModel& model, const api::EmbeddingRequest& request,
                                     const api::Prompt& input);

}  // namespace atelier::server
