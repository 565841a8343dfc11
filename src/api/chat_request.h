// A ChatRequest is the body of POST /v1/chat/completions, checked and typed. Its messages and tools are what
// the chat template reads: only known members, text parts joined, tool-call arguments as objects.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string_view>

#include "api/generation_fields.h"
#include "base/result.h"

namespace atelier::api {

inline constexpr std::size_t kMaxMessages = 1024;
inline constexpr std::size_t kMaxTools = 128;

struct ChatRequest : GenerationFields {
  boost::json::array messages;             // [{role, content, …}], not empty
  boost::json::array tools;                // empty = none
  boost::json::object template_variables;  // from chat_template_kwargs
  bool add_generation_prompt = true;
  bool continue_final_message = false;  // the last message is to be continued, not answered
  bool echo = false;                    // the continued message's text comes first
};

// `body` is the raw JSON text. Any thread.
Result<ChatRequest> parse_chat_request(std::string_view body);
Result<ChatRequest> read_chat_request(FieldReader& reader);

}  // namespace atelier::api
