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
#include "app/stop_signal.h"
#include "base/log.h"
#include "http/server.h"
#include "server/call.h"
#include "server/service.h"

namespace atelier::app {
namespace {

struct ServeOptions {
  ModelOptions model;
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;
  std::int64_t max_sequences = 32;
  std::string served_name;         // "" = the model's own
  double shutdown_timeout_s = 30;  // for the requests under way
  std::string traces_url;          // "" = no traces
  bool per_request_metrics = false;
};

constexpr std::chrono::milliseconds kFlushGrace{2'000};  // for answers' last bytes

std::string address(const ServeOptions& options, std::uint16_t port) {
  const bool v6 = options.host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", options.host, v6 ? "]" : "", port);
}

// One descriptor per client: the usual soft limit of 1,024 is less than the server can take.
void raise_descriptor_limit() {
  constexpr rlim_t kWanted = 16'384;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kWanted) return;
  limit.rlim_cur = std::min(kWanted, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Status serve(const ServeOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  // the port first: a taken one is told before minutes of loading
  ATELIER_TRY(const auto server,
              http::Server::bind({.host = options.host, .port = options.port, .refuse = server::refusal}));
  ATELIER_TRY(const auto runtime, start_runtime(options.model));
  ATELIER_TRY_STATUS(runtime->start_engine(options.max_sequences));
  server::Service service({.id = options.served_name.empty() ? runtime->id : options.served_name,
                           .root = runtime->id,
                           .created = std::time(nullptr),
                           .bundle = runtime->bundle,
                           .engine = *runtime->engine},
                          {.version = ATELIER_VERSION,
                           .kv_block_tokens = kernels::kBlockTokens,
                           .kv_dtype = std::string(traits(runtime->decoder->kv_dtype()).name),
                           .traces_url = options.traces_url,
                           .per_request_metrics = options.per_request_metrics});
  StopSignal stop;
  ATELIER_TRY_STATUS(server->start([&service](http::Request request, auto writer) {
    service.handle(std::move(request), std::move(writer));
  }));
  log_info("ready: the chat page is at {}, the API at {}/v1", address(options, server->port()),
           address(options, server->port()));
  stop.wait();
  log_info("stopping: requests under way may finish within {:.0f} s", options.shutdown_timeout_s);
  service.drain(std::chrono::milliseconds(static_cast<std::int64_t>(options.shutdown_timeout_s * 1000)));
  server->stop(kFlushGrace);
  log_info("stopped");
  return {};
}

void add_seeing(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--otlp-traces-endpoint", options.traces_url,
                  "send a span of every request to this OTLP/HTTP collector (http://HOST:4318)")
      ->check(CLI::Validator(
          [](const std::string& url) {
            return url.starts_with("http://") || url.starts_with("https://")
                       ? ""
                       : "must be an http(s):// address";
          },
          "URL"));
  command.add_flag("--enable-per-request-metrics", options.per_request_metrics,
                   "every reply tells how long it took (\"metrics\")");
}

}  // namespace

void add_serve(CLI::App& root, Chosen& chosen) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = root.add_subcommand("serve", "Serve a model: OpenAI's API and a chat page");
  add_model_options(*command, options->model);
  command->add_option("--host", options->host, "address to listen on")->capture_default_str();
  command->add_option("--port", options->port, "port to listen on; 0 = any free one")->capture_default_str();
  command->add_option("--max-num-seqs", options->max_sequences, "generations running at once")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{4096}))
      ->capture_default_str();
  command->add_option("--served-model-name", options->served_name,
                      "what requests call the model (default: its id)");
  command
      ->add_option("--shutdown-timeout", options->shutdown_timeout_s,
                   "seconds that requests under way may take to finish after SIGTERM")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  add_seeing(*command, *options);
  command->callback([&chosen, options] {
    chosen.run = [options] {
      const Status status = serve(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace atelier::app
