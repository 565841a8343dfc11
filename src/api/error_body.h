// How failures are told to a client: the one table from Fault to HTTP status and error type, and the body
// that OpenAI's and vLLM's clients read.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace atelier::api {

struct ErrorKind {
  int status;
  std::string_view type;
};

ErrorKind error_kind(Fault fault);

// {"error":{"message":…,"type":…,"param":… or null,"code":status}}
std::string error_body(const Failure& failure);
// The same for what is not a Failure: a route or a method that does not exist, a limit of HTTP.
std::string error_body(int status, std::string_view type, std::string_view message);

// The same for errors whose code is a word, as OpenAI's of keys and limits.
struct CodedError {
  std::string_view type, code, message;
};
std::string coded_error_body(const CodedError& error);

}  // namespace atelier::api
