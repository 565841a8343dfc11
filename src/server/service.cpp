#include "server/service.h"

#include <utility>

#include "api/error_body.h"
#include "api/json_writer.h"
#include "api/model_card.h"
#include "server/assets.h"
#include "server/call.h"

namespace atelier::server {
namespace {

// The page loads nothing from elsewhere and runs no inline script, whatever a model writes into it.
constexpr std::string_view kContentPolicy =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void answer_empty(const std::shared_ptr<Call>& call) {
  call->respond({.status = 200, .headers = {}, .body = {}});
}

api::ModelCard card_of(const ServedModel& model) {
  return {
      .id = model.id, .root = model.root, .created = model.created, .max_model_len = model.max_model_len()};
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
      watchers_(make_watchers(model_, options_)),
      generations_(model_, watchers_, "atelier-" + options_.version, options_.workers),
      tokens_(model_) {
  add_routes();
  if (options_.log_stats) stats_log_.emplace([this] { return model_.engine.stats(); });
}

void Service::add_routes() {
  using Shared = const std::shared_ptr<Call>&;
  router_.add("POST", "/v1/chat/completions", [this](Shared call) { generations_.chat(call); });
  router_.add("POST", "/v1/completions", [this](Shared call) { generations_.completion(call); });
  router_.add("POST", "/tokenize", [this](Shared call) { tokens_.tokenize(call); });
  router_.add("POST", "/detokenize", [this](Shared call) { tokens_.detokenize(call); });
  router_.add("GET", "/v1/models",
              [this](Shared call) { call->respond_json(200, api::model_list(card_of(model_))); });
  router_.add("GET", "/v1/models/*", [this](Shared call) {
    const std::string asked = call->request().path.substr(std::string_view("/v1/models/").size());
    if (asked == model_.id) return call->respond_json(200, api::model_card(card_of(model_)));
    call->fail({Fault::kNotFound, fmt::format("The model `{}` does not exist.", asked), "model"});
  });
  router_.add("GET", "/health", answer_empty);
  router_.add("GET", "/ping", answer_empty);
  router_.add("POST", "/ping", answer_empty);
  router_.add("GET", "/ready", [this](Shared call) {
    if (!generations_.draining()) return answer_empty(call);
    call->fail({Fault::kOverloaded, "the server is shutting down", {}});
  });
  router_.add("GET", "/version", [this](Shared call) {
    std::string json;
    api::JsonWriter(json).begin_object().member("version", options_.version).end_object();
    call->respond_json(200, std::move(json));
  });
  router_.add("GET", "/metrics", [this](Shared call) { answer_metrics(*call); });
  router_.add("GET", "/load", [this](Shared call) { answer_load(*call); });
}

void Service::handle(http::Request request, std::shared_ptr<http::ResponseWriter> writer) {
  const auto call = std::make_shared<Call>(std::move(request), std::move(writer));
  const http::Request& asked = call->request();
  const Router::Match match = router_.find(asked.method, asked.path);
  call->count_in(watchers_.metrics, match.pattern);
  if (match.route != nullptr) return (*match.route)(call);
  const bool reading = asked.method == "GET" || asked.method == "HEAD";
  if (match.allow.empty() && reading && find_asset(asked.path) != nullptr) return answer_asset(call);
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

void Service::answer_asset(const std::shared_ptr<Call>& call) {
  const Asset& asset = *find_asset(call->request().path);
  http::Response response{.status = 200,
                          .headers = {{"Content-Type", std::string(asset.mime)},
                                      {"ETag", asset.etag},
                                      {"Cache-Control", "no-cache"},
                                      {"Content-Security-Policy", std::string(kContentPolicy)}},
                          .body = {}};
  if (call->request().header("If-None-Match") == asset.etag) {
    response.status = 304;
  } else {
    response.body = asset.bytes;
  }
  call->respond(std::move(response));
}

void Service::answer_metrics(Call& call) const {
  call.respond({.status = 200,
                .headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                .body = watchers_.metrics->text()});
}

void Service::answer_load(Call& call) const {
  const engine::EngineStats stats = model_.engine.stats();
  std::string json;
  api::JsonWriter(json)
      .begin_object()
      .member("server_load", stats.running + stats.waiting)
      .member("running", stats.running)
      .member("waiting", stats.waiting)
      .member("kv_blocks_used", stats.blocks_used)
      .member("kv_blocks_total", stats.blocks_total)
      .end_object();
  call.respond_json(200, std::move(json));
}

void Service::drain(std::chrono::milliseconds patience) {
  generations_.drain(patience);
}

}  // namespace atelier::server
