// The body of OpenAI's POST /v1/responses, checked and typed: another way to write a chat, whose past the
// server may remember.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/chat_request.h"
#include "base/result.h"

namespace atelier::api {

inline constexpr std::size_t kMaxMetadata = 16;  // entries, each of kMaxMetadataBytes at most

struct ResponsesRequest {
  ChatRequest chat;                         // messages: what `input` says
  std::optional<std::string> instructions;  // the system's words, for this response alone
  std::string previous_response_id;         // "" = none: the conversation begins here
  bool store = true;
  boost::json::object metadata;  // strings
};

// `body` is the raw JSON text. Any thread.
Result<ResponsesRequest> parse_responses_request(std::string_view body);
Result<ResponsesRequest> read_responses_request(FieldReader& reader);

}  // namespace atelier::api
