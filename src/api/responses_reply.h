// The replies of OpenAI's /v1/responses.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/reply.h"
#include "api/responses_request.h"

namespace atelier::api {

// What the reply says of the request, and who is to hear of the finished response: its JSON and its text.
struct ResponseTerms {
  boost::json::object settings;                                       // response_settings
  std::function<void(std::string json, std::string_view text)> keep;  // empty: nobody
};

// The members of a response that repeat its request.
boost::json::object response_settings(const ResponsesRequest& request);

std::unique_ptr<ReplyFormat> responses_format(ReplyHead head, ResponseTerms terms);  // one choice

std::string deleted_response(std::string_view id);

}  // namespace atelier::api
