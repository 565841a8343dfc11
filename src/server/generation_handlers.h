// The handlers of the generating routes: each lets a worker parse its own kind of request and choose its
// ReplyFormat; Answers does the rest.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "api/reply.h"
#include "base/result.h"
#include "server/answers.h"
#include "server/attendance.h"
#include "server/call.h"
#include "server/response_store.h"
#include "server/retry_advice.h"
#include "server/served_model.h"
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

  bool draining() const { return attendance_.draining(); }
  void drain(std::chrono::milliseconds patience) { attendance_.drain(patience); }

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

  api::ReplyHead head(std::string id) const;

  const ServedModel& model_;
  ResponseStore& stored_;
  const std::string fingerprint_;
  Attendance attendance_;
  Answers answers_;
  RetryAdvice retry_advice_;
  Workers workers_;  // last: ends first
};

}  // namespace atelier::server
