// The handlers of /tokenize, /detokenize and /v1/messages/count_tokens. Long texts take time: a worker of
// their own does it.
#pragma once

#include <memory>

#include "base/result.h"
#include "server/call.h"
#include "server/request_checks.h"
#include "server/served_model.h"
#include "server/workers.h"

namespace atelier::server {

class TokenHandlers {
 public:
  explicit TokenHandlers(const ServedModel& model);  // which must outlive this

  // Connection threads; the answer comes later.
  void tokenize(const std::shared_ptr<Call>& call);
  void detokenize(const std::shared_ptr<Call>& call);
  void count(const std::shared_ptr<Call>& call);  // of a conversation as Anthropic writes it

 private:
  using Answer = Result<std::string> (TokenHandlers::*)(std::string_view body);
  void hand_over(const std::shared_ptr<Call>& call, Answer answer);
  Result<std::string> tokenized(std::string_view body);
  Result<std::string> detokenized(std::string_view body);
  Result<std::string> counted(std::string_view body);

  const ServedModel& model_;
  UnknownFields unknown_;
  Workers worker_;  // last: ends first
};

}  // namespace atelier::server
