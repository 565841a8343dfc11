#include "server/service.h"

#include <utility>

#include "api/error_body.h"
#include "server/assets.h"
#include "server/call.h"
#include "server/page_policy.h"

namespace atelier::server {
namespace {

// With or without the prefix: some proxies take it off, some do not.
void strip_prefix(std::string& path, std::string_view prefix) {
  if (prefix.empty() || !path.starts_with(prefix)) return;
  if (path.size() == prefix.size()) {
    path = "/";
  } else if (path[prefix.size()] == '/') {
    path.erase(0, prefix.size());
  }
}

// What needs no key: probes, which tell nothing of anybody, and the page, which asks for one.
bool is_open(const http::Request& request) {
  for (const std::string_view probe : {"/health", "/ping", "/ready", "/version"}) {
    if (request.path == probe) return true;
  }
  const bool reading = request.method == "GET" || request.method == "HEAD";
  return reading && find_asset(request.path) != nullptr;
}

Watchers make_watchers(const ServedModel& model, const ServiceOptions& options) {
  Watchers watchers{.metrics = nullptr, .spans = nullptr, .timings = options.per_request_metrics};
  observe::MetricsTerms terms{.model_name = model.id,
                              .engine = model.engine.config(),
                              .block_tokens = options.kv_block_tokens,
                              .kv_dtype = options.kv_dtype,
                              .stats = [&engine = model.engine] { return engine.stats(); }};
  if (!options.traces_url.empty()) {
    watchers.spans = std::make_shared<observe::SpanExporter>(options.traces_url, options.version);
    terms.spans_dropped = [spans = watchers.spans] { return spans->dropped(); };
  }
  watchers.metrics = std::make_shared<observe::Metrics>(std::move(terms));
  return watchers;
}

void answer_error(Call& call, int status, std::string_view message) {
  call.respond_json(status, api::error_body(status, http::reason_phrase(status), message));
}

}  // namespace

Service::Service(ServedModel model, ServiceOptions options)
    : model_(std::move(model)),
      options_(std::move(options)),
      gate_(options_.gate),
      watchers_(make_watchers(model_, options_)),
      generations_(model_, stored_, watchers_, "atelier-" + options_.version, options_.workers),
      tokens_(model_) {
  add_endpoints();
  openapi_ = api::openapi_document(router_.operations(), options_.version);
  if (options_.log_stats) stats_log_.emplace([this] { return model_.engine.stats(); });
}

void Service::handle(http::Request request, std::shared_ptr<http::ResponseWriter> writer) {
  const auto call = std::make_shared<Call>(std::move(request), std::move(writer));
  strip_prefix(call->request().path, options_.root_path);
  const http::Request& asked = call->request();
  const Router::Match match = router_.find(asked.method, asked.path);
  call->count_in(watchers_.metrics, match.endpoint != nullptr ? match.endpoint->operation.path : "");
  if (match.endpoint != nullptr) call->take_endpoint(match.parameter, match.endpoint->operation.errors);
  if (!gate_.admit(*call, is_open(asked))) return;
  if (match.endpoint != nullptr) return match.endpoint->handler(call);
  const bool reading = asked.method == "GET" || asked.method == "HEAD";
  if (match.allow.empty() && reading && find_asset(asked.path) != nullptr)
    return answer_asset(*call, asked.path, kPagePolicy);
  if (match.allow.empty() && asked.path != "*" && find_asset(asked.path) == nullptr) {
    return answer_error(*call, 404, "Not Found");
  }
  const std::string allow = match.allow.empty() ? "GET, HEAD, OPTIONS" : match.allow;
  http::Response response{.status = 204, .headers = {{"Allow", allow}}, .body = {}};
  if (asked.method != "OPTIONS") {
    response.status = 405;
    response.headers.push_back({"Content-Type", "application/json"});
    response.body =
        api::error_body(405, http::reason_phrase(405), fmt::format("Method Not Allowed; allowed: {}", allow));
  }
  call->respond(std::move(response));
}

void Service::drain(std::chrono::milliseconds patience) {
  generations_.drain(patience);
}

}  // namespace atelier::server
