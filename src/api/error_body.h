// How failures are told to a client: the one table from Fault to HTTP status and error type, and the bodies
// that OpenAI's and vLLM's, and Anthropic's clients read.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace atelier::api {

struct ErrorKind {
  int status;
  std::string_view type;
};

// kOpenAi: {"error":{"message":…,"type":…,"param":… or null,"code":status}}
// kAnthropic: {"type":"error","error":{"type":…,"message":…}}
enum class ErrorShape { kOpenAi, kAnthropic };

ErrorKind error_kind(Fault fault);

std::string error_body(const Failure& failure, ErrorShape shape = ErrorShape::kOpenAi);
// The same for what is not a Failure: a route or a method that does not exist, a limit of HTTP.
std::string error_body(int status, std::string_view type, std::string_view message);

// The same for errors whose code is a word, as OpenAI's of keys and limits.
struct CodedError {
  int status;
  std::string_view type, code, message;
};
std::string error_body(const CodedError& error, ErrorShape shape = ErrorShape::kOpenAi);

}  // namespace atelier::api
