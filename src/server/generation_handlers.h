// The handlers of the two generating routes: from a body to running Sessions, by way of the workers.
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
#include "server/served_model.h"
#include "server/session.h"
#include "server/watchers.h"
#include "server/workers.h"

namespace atelier::server {

class GenerationHandlers {
 public:
  // `model` must outlive this.
  GenerationHandlers(const ServedModel& model, Watchers watchers, std::string fingerprint, int workers);

  // Connection threads; the answer comes later.
  void chat(const std::shared_ptr<Call>& call);
  void completion(const std::shared_ptr<Call>& call);

  bool draining() const { return draining_; }
  void drain(std::chrono::milliseconds patience);

 private:
  using Steps = Status (GenerationHandlers::*)(const std::shared_ptr<Call>&, const Presence&);
  void hand_over(const std::shared_ptr<Call>& call, Steps steps);
  Status start_chat(const std::shared_ptr<Call>& call, const Presence& presence);
  Status start_completion(const std::shared_ptr<Call>& call, const Presence& presence);

  // The answers to one prompt; `common` is the generation_order of the request.
  Status add_choices(Session& session, const api::GenerationFields& fields,
                     const engine::GenerationRequest& common, const PreparedPrompt& prompt) const;
  std::shared_ptr<Session> new_session(const std::shared_ptr<Call>& call, const api::GenerationFields& fields,
                                       const Presence& presence, bool chat, std::int64_t prompt_tokens);
  std::unique_ptr<observe::RequestTrace> trace_of(const Session& session,
                                                  const api::GenerationFields& fields) const;
  void launch(const std::shared_ptr<Session>& session);
  Presence enter();

  const ServedModel& model_;
  const Watchers watchers_;
  const std::string fingerprint_;
  std::atomic<bool> draining_{false};
  std::atomic<std::int64_t> present_{0};  // requests from their arrival to their end
  std::mutex mutex_;                      // guards sessions_
  std::vector<std::weak_ptr<Session>> sessions_;
  UnknownFields unknown_;
  Workers workers_;  // last: ends first
};

}  // namespace atelier::server
