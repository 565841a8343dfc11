// What every route that takes a JSON body checks first.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "server/call.h"
#include "server/served_model.h"
#include "server/workers.h"

namespace atelier::server {

// Lets a worker do what takes time in proportion to a JSON body; its failure is the answer. Refused here:
// what does not call itself JSON (only a page of another origin sends it under a plain form's type: that is
// how browsers are made to post without asking first), and what workers have no room for.
void hand_over(Workers& workers, const std::shared_ptr<Call>& call, std::function<Status()> task);

// "" or the model served.
Status check_model(const ServedModel& model, const std::string& asked);

// Token ids of a client, in field `param`.
Status check_ids(const ServedModel& model, std::string_view param, const std::vector<std::int32_t>& ids);

// Tells of each field without effect once, in the log. Any thread.
class UnknownFields {
 public:
  void warn(const std::vector<std::string>& names);

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> warned_;
};

}  // namespace atelier::server
