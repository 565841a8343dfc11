// The bodies of Anthropic's POST /v1/messages and /v1/messages/count_tokens, checked and typed: another way
// to write a chat.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/chat_request.h"
#include "base/result.h"

namespace atelier::api {

// `body` is the raw JSON text. Any thread.
Result<ChatRequest> parse_messages_request(std::string_view body);
Result<ChatRequest> parse_count_tokens_request(std::string_view body);

Result<ChatRequest> read_messages_request(FieldReader& reader);
Result<ChatRequest> read_count_tokens_request(FieldReader& reader);

std::string count_tokens_reply(std::int64_t input_tokens);

}  // namespace atelier::api
