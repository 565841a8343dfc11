// The OpenAPI document of the server: its routes, their requests and replies.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/error_body.h"

namespace atelier::api {

// One route, as a reader of the document sees it. All views are literals.
struct Operation {
  std::string_view method, path;  // "GET", "/v1/models/{model}"
  std::string_view tag, summary;  // under which heading; what it does, in one line
  std::string_view request = {};  // the form's name; "" = no body
  std::string_view reply = {};    // the schema's name; "" = an empty body
  std::string_view reply_type = "application/json";
  std::string_view stream = {};  // with "stream": true: the schema of one event
  std::string_view stream_type = "text/event-stream";
  ErrorShape errors = ErrorShape::kOpenAi;
};

// OpenAPI 3.1, as JSON.
std::string openapi_document(std::span<const Operation> operations, std::string_view version);

}  // namespace atelier::api
