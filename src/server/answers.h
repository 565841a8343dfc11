// From a request that has been read to a Session that runs: checked against the model, tokenised, submitted
// to the engine. One way for every route; what differs is the ReplyFormat.
#pragma once

#include <memory>
#include <vector>

#include "api/chat_request.h"
#include "api/completion_request.h"
#include "api/embedding_request.h"
#include "base/result.h"
#include "server/attendance.h"
#include "server/call.h"
#include "server/prompts.h"
#include "server/request_checks.h"
#include "server/served_model.h"
#include "server/session.h"
#include "server/watchers.h"

namespace atelier::server {

class Answers {
 public:
  // What is referred to must outlive this.
  Answers(const ServedModel& model, Watchers watchers, Attendance& attendance);

  using Format = std::unique_ptr<api::ReplyFormat>;

  // Workers' threads; the sessions go on by themselves. Failures are the client's answer.
  Status to_chat(const std::shared_ptr<Call>& call, const Presence& presence, const api::ChatRequest& request,
                 Format format);
  Status to_prompts(const std::shared_ptr<Call>& call, const Presence& presence,
                    const api::CompletionRequest& request, Format format);
  // Each input is a generation that ends with its prompt.
  Status to_inputs(const std::shared_ptr<Call>& call, const Presence& presence,
                   const api::EmbeddingRequest& request, Format format);

 private:
  using Prompts = std::vector<PreparedPrompt>;
  Result<engine::GenerationRequest> common_order(const api::GenerationFields& fields);
  Status generate(const std::shared_ptr<Call>& call, const Presence& presence,
                  const api::GenerationFields& fields, const engine::GenerationRequest& common,
                  const Prompts& prompts, Format format);
  Status add_choices(Session& session, const api::GenerationFields& fields,
                     const engine::GenerationRequest& common, const PreparedPrompt& prompt) const;
  std::unique_ptr<observe::RequestTrace> trace_of(const Session& session,
                                                  const api::GenerationFields& fields) const;

  const ServedModel& model_;
  const Watchers watchers_;
  Attendance& attendance_;
  UnknownFields unknown_;
};

}  // namespace atelier::server
