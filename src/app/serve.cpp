// atelier serve: OpenAI's API and the chat page over HTTP, until SIGTERM or SIGINT.
#include <signal.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <memory>
#include <string>

#include "app/commands.h"
#include "app/model_options.h"
#include "app/report.h"
#include "app/runtime.h"
#include "app/sampling_advice.h"
#include "app/serve_flags.h"
#include "app/stop_signal.h"
#include "base/log.h"
#include "config/serve_config.h"
#include "engine/ngram_drafter.h"
#include "http/server.h"
#include "server/call.h"
#include "server/service.h"

namespace atelier::app {
namespace {

constexpr std::chrono::milliseconds kFlushGrace{2'000};  // for answers' last bytes

std::string address(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

// One descriptor per client: the usual soft limit of 1,024 is less than the server can take.
void raise_descriptor_limit() {
  constexpr rlim_t kWanted = 16'384;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kWanted) return;
  limit.rlim_cur = std::min(kWanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

EngineWishes engine_wishes(const config::ServeConfig& config) {
  EngineWishes wishes{.memory_share = config.memory.share,
                      .kv_bytes = config.memory.kv_bytes,
                      .kv_blocks = config.memory.kv_blocks};
  wishes.engine.max_sequences = config.scheduling.max_sequences;
  wishes.engine.max_batch_tokens = config.scheduling.max_batch_tokens;
  wishes.engine.max_requests = config.scheduling.max_requests;
  wishes.engine.max_queued_tokens = config.scheduling.max_queued_tokens;
  wishes.engine.max_prompt_tokens_each = config.scheduling.long_prefill_tokens;
  wishes.engine.prefix_cache = config.scheduling.prefix_cache;
  wishes.engine.by_priority = config.scheduling.by_priority;
  wishes.speculation = config.scheduling.speculation;
  return wishes;
}

server::ServiceOptions service_options(const config::ServeConfig& config, DType kv_dtype) {
  const config::ServeConfig::Access& access = config.access;
  return {.version = ATELIER_VERSION,
          .root_path = config.network.root_path,
          .gate = {.keys = access.keys,
                   .limits = {.requests_per_minute = access.requests_per_minute,
                              .tokens_per_minute = access.tokens_per_minute},
                   .origins = {.origins = access.origins,
                               .methods = access.methods,
                               .headers = access.headers,
                               .allow_credentials = access.allow_credentials}},
          .kv_block_tokens = kernels::kBlockTokens,
          .kv_dtype = std::string(model::kv_dtype_name(kv_dtype)),
          .traces_url = config.seeing.traces_url,
          .per_request_metrics = config.seeing.per_request_metrics,
          .log_stats = config.seeing.log_stats};
}

// All but the weights: what is wrong with the model, its template or the memory is told before minutes of
// loading.
Result<std::unique_ptr<Runtime>> open_model(const config::ServeConfig& config) {
  ATELIER_TRY(const ModelOptions options, model_options(config.model));
  ATELIER_TRY(auto runtime, open_runtime(options));
  ATELIER_TRY(runtime->bundle.generation,
              sampling_advice(runtime->bundle.generation, config.model.generation_config,
                              config.model.generation_overrides));
  ATELIER_TRY(auto chosen, chosen_template(config.model.chat_template));
  if (chosen) runtime->bundle.chat_template = std::move(chosen);
  ATELIER_TRY_STATUS(runtime->open_draft(engine_wishes(config)));
  ATELIER_TRY_STATUS(runtime->plan(engine_wishes(config)));
  return runtime;
}

server::ServedModel served_model(const config::ServeConfig& config, const Runtime& runtime) {
  std::vector<std::string> names = config.model.served_as;
  if (names.empty()) names.push_back(runtime.id);
  return {.id = names.front(),
          .aliases = {names.begin() + 1, names.end()},
          .root = runtime.id,
          .created = std::time(nullptr),
          .rules = {.seed = config.model.seed,
                    .max_logprobs = config.api.max_logprobs,
                    .response_role = config.api.response_role,
                    .force_include_usage = config.api.force_include_usage,
                    .log_requests = config.api.log_requests},
          .bundle = runtime.bundle,
          .engine = *runtime.engine};
}

Status serve(const config::ServeConfig& config) {
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  // the port first: a taken one is told before minutes of loading
  ATELIER_TRY(const auto server,
              http::Server::bind(
                  {.host = config.network.host, .port = config.network.port, .refuse = server::refusal}));
  ATELIER_TRY(const auto runtime, open_model(config));
  ATELIER_TRY_STATUS(runtime->load());
  ATELIER_TRY_STATUS(runtime->start_engine(engine_wishes(config)));
  server::Service service(served_model(config, *runtime),
                          service_options(config, runtime->decoder->kv_dtype()));
  StopSignal stop;
  ATELIER_TRY_STATUS(server->start([&service](http::Request request, auto writer) {
    service.handle(std::move(request), std::move(writer));
  }));
  const std::string url = address(config.network.host, server->port());
  log_info("ready: the chat page is at {}, the API at {}/v1{}", url, url,
           config.access.keys.empty() ? "" : " (with a key)");
  set_log_level(config.log_level);
  stop.wait();
  log_info("stopping: requests under way may finish within {:.0f} s",
           std::chrono::duration<double>(config.network.shutdown_timeout).count());
  service.drain(config.network.shutdown_timeout);
  server->stop(kFlushGrace);
  log_info("stopped");
  return {};
}

Status read_and_serve(const ServeFlags& flags) {
  ATELIER_TRY(const config::Settings settings, flags.settings());
  ATELIER_TRY(const config::ServeConfig config, config::serve_config(settings));
  for (const std::string& notice : settings.notices()) log_warning("{}", notice);
  // what starts is always said; from here on the level counts
  set_log_level(std::min(config.log_level, LogLevel::kInfo));
  return serve(config);
}

}  // namespace

void add_serve(CLI::App& root, Chosen& chosen) {
  CLI::App* command = root.add_subcommand("serve", "Serve a model: OpenAI's API and a chat page");
  const auto flags = std::make_shared<ServeFlags>(*command);
  command->callback([&chosen, flags] {
    chosen.run = [flags] {
      const Status status = read_and_serve(*flags);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace atelier::app
