// What every route that takes a JSON body checks first.
#pragma once

#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "http/message.h"
#include "server/served_model.h"

namespace atelier::server {

// Only a page of another origin sends JSON under a plain form's type: that is how browsers are made to post
// without asking first.
Status check_content_type(const http::Request& request);

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
