#include "server/request_checks.h"

#include <utility>

#include "base/log.h"

namespace atelier::server {
namespace {

constexpr std::size_t kMaxWarned = 256, kMaxWarnedBytes = 64;

Status check_content_type(const http::Request& request) {
  std::string_view type = request.header("Content-Type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (http::equal_ignoring_case(type, "application/json")) return {};
  return fail_param(Fault::kBadRequest, "Content-Type",
                    "Unsupported Media Type: Only 'application/json' is allowed");
}

}  // namespace

void hand_over(Workers& workers, const std::shared_ptr<Call>& call, std::function<Status()> task) {
  if (const auto type = check_content_type(call->request()); !type) return call->fail(type.error());
  const std::size_t bytes = call->request().body.size();
  const auto work = [call, task = std::move(task)] {
    if (call->writer().closed()) return;
    if (const auto done = task(); !done) call->fail(done.error());
  };
  const bool taken = workers.post(work, bytes);
  if (!taken) call->fail({Fault::kOverloaded, "too many requests are waiting; try again in a moment", {}});
}

Status check_model(const ServedModel& model, const std::string& asked) {
  if (asked.empty() || model.is_called(asked)) return {};
  return fail_param(Fault::kNotFound, "model", fmt::format("The model `{}` does not exist.", asked));
}

Status check_ids(const ServedModel& model, std::string_view param, const std::vector<std::int32_t>& ids) {
  for (const std::int32_t id : ids) {
    if (id >= model.tokenizer().size()) {
      return fail_param(
          Fault::kBadRequest, std::string(param),
          fmt::format("token id {} is out of the vocabulary of {}", id, model.tokenizer().size()));
    }
  }
  return {};
}

void UnknownFields::warn(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::lock_guard lock(mutex_);
    if (warned_.size() >= kMaxWarned || !warned_.insert(name.substr(0, kMaxWarnedBytes)).second) continue;
    std::string shown;
    for (const char c : name.substr(0, kMaxWarnedBytes)) shown += c >= ' ' && c < 0x7F ? c : '?';
    log_warning("requests carry the field \"{}\", which is not known here and has no effect", shown);
  }
}

}  // namespace atelier::server
