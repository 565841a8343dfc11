// The bodies of POST /tokenize and /detokenize, checked and typed, and their answers. Fields are vLLM's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/chat_request.h"
#include "base/result.h"

namespace atelier::api {

// Either a text or a chat.
struct TokenizeRequest {
  std::string model;                // "" = not said
  std::optional<std::string> text;  // of `prompt`
  std::optional<ChatRequest> chat;  // of `messages` and what goes with them
  bool add_special_tokens = true;   // what the tokenizer itself puts first; in a chat the template does
  bool return_token_strs = false;
  std::vector<std::string> unknown;  // fields that have no effect
};

struct DetokenizeRequest {
  std::string model;
  std::vector<std::int32_t> tokens;  // not negative
  std::vector<std::string> unknown;
};

// `body` is the raw JSON text. Any thread.
Result<TokenizeRequest> parse_tokenize_request(std::string_view body);
Result<DetokenizeRequest> parse_detokenize_request(std::string_view body);
Result<TokenizeRequest> read_tokenize_request(FieldReader& reader);
Result<DetokenizeRequest> read_detokenize_request(FieldReader& reader);

// `strings`: the tokens' spellings in the vocabulary, or null.
std::string tokenize_reply(const std::vector<std::int32_t>& tokens, std::int64_t max_model_len,
                           const std::vector<std::string>* strings);
std::string detokenize_reply(std::string_view prompt);

}  // namespace atelier::api
