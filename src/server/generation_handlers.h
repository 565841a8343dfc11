// The handlers of the generating routes: from a body to running Sessions, by way of the workers. Each parses
// its own request and has its own ReplyFormat; the way between is one.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/chat_request.h"
#include "api/completion_request.h"
#include "base/result.h"
#include "server/call.h"
#include "server/prompts.h"
#include "server/request_checks.h"
#include "server/response_store.h"
#include "server/retry_advice.h"
#include "server/served_model.h"
#include "server/session.h"
#include "server/watchers.h"
#include "server/workers.h"

namespace atelier::server {

class GenerationHandlers {
 public:
  // What is referred to must outlive this.
  GenerationHandlers(const ServedModel& model, ResponseStore& stored, Watchers watchers,
                     std::string fingerprint, int workers);

  // Connection threads; the answer comes later.
  void chat(const std::shared_ptr<Call>& call);
  void completion(const std::shared_ptr<Call>& call);
  void generate(const std::shared_ptr<Call>& call);
  void messages(const std::shared_ptr<Call>& call);
  void responses(const std::shared_ptr<Call>& call);
  void embeddings(const std::shared_ptr<Call>& call);

  bool draining() const { return draining_; }
  void drain(std::chrono::milliseconds patience);

 private:
  using Steps = Status (GenerationHandlers::*)(const std::shared_ptr<Call>&, const Presence&);
  void hand_over(const std::shared_ptr<Call>& call, Steps steps);
  Status check_room();
  void advise(Call& call, const Failure& failure) const;
  Status start_chat(const std::shared_ptr<Call>& call, const Presence& presence);
  Status start_completion(const std::shared_ptr<Call>& call, const Presence& presence);
  Status start_generate(const std::shared_ptr<Call>& call, const Presence& presence);
  Status start_messages(const std::shared_ptr<Call>& call, const Presence& presence);
  Status start_responses(const std::shared_ptr<Call>& call, const Presence& presence);
  Status start_embeddings(const std::shared_ptr<Call>& call, const Presence& presence);

  // A conversation, or prompts, on their way to a session.
  Status answer_chat(const std::shared_ptr<Call>& call, const Presence& presence,
                     const api::ChatRequest& request, std::unique_ptr<api::ReplyFormat> format);
  Status answer_prompts(const std::shared_ptr<Call>& call, const Presence& presence,
                        const api::CompletionRequest& request, std::unique_ptr<api::ReplyFormat> format);
  // The answers to one prompt; `common` is the generation_order of the request.
  Status add_choices(Session& session, const api::GenerationFields& fields,
                     const engine::GenerationRequest& common, const PreparedPrompt& prompt) const;
  std::unique_ptr<observe::RequestTrace> trace_of(const Session& session,
                                                  const api::GenerationFields& fields) const;
  api::ReplyHead head(std::string id) const;
  void launch(const std::shared_ptr<Session>& session);
  Presence enter();

  const ServedModel& model_;
  ResponseStore& stored_;
  const Watchers watchers_;
  const std::string fingerprint_;
  std::atomic<bool> draining_{false};
  std::atomic<std::int64_t> present_{0};  // requests from their arrival to their end
  std::mutex mutex_;                      // guards sessions_
  std::vector<std::weak_ptr<Session>> sessions_;
  UnknownFields unknown_;
  RetryAdvice retry_advice_;
  Workers workers_;  // last: ends first
};

}  // namespace atelier::server
