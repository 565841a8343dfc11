// The Service is what the server serves: the pipeline every request walks (name it, check it, route it) and
// the handlers at its end. It knows one model.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "http/response_writer.h"
#include "observe/stats_log.h"
#include "server/gate.h"
#include "server/generation_handlers.h"
#include "server/router.h"
#include "server/served_model.h"
#include "server/token_handlers.h"
#include "server/watchers.h"

namespace atelier::server {

struct ServiceOptions {
  std::string version;
  int workers = 2;
  std::string root_path;  // that a proxy in front puts before every path; "" or "/llm"
  GateOptions gate;
  std::int64_t kv_block_tokens = 0;  // as /metrics tells them
  std::string kv_dtype = {};
  std::string traces_url = {};       // of an OTLP/HTTP collector; "" = no traces
  bool per_request_metrics = false;  // every reply tells how long it took
  bool log_stats = true;             // a line now and then while something runs
};

class Service {
 public:
  Service(ServedModel model, ServiceOptions options);

  // http::Handler. Connection threads.
  void handle(http::Request request, std::shared_ptr<http::ResponseWriter> writer);

  // From now on new generations are refused (503) and /ready says so; returns when those under way have
  // ended, or interrupts them after `patience`. Any thread but a connection's.
  void drain(std::chrono::milliseconds patience);

 private:
  void add_endpoints();  // endpoints.cpp
  void answer_asset(Call& call, std::string_view path, std::string_view policy) const;
  void answer_models(Call& call) const;
  void answer_model(Call& call) const;
  void answer_ready(Call& call) const;
  void answer_version(Call& call) const;
  void answer_load(Call& call) const;
  void answer_metrics(Call& call) const;

  const ServedModel model_;
  const ServiceOptions options_;
  Gate gate_;
  const Watchers watchers_;
  ResponseStore stored_{{}};
  GenerationHandlers generations_;
  TokenHandlers tokens_;
  Router router_;
  std::string openapi_;  // the document of router_'s endpoints
  std::optional<observe::StatsLog> stats_log_;
};

}  // namespace atelier::server
