#include "config/serve_config.h"

#include <algorithm>
#include <cstdlib>

namespace atelier::config {
namespace {

std::unexpected<Failure> refuse(std::string flag, std::string message) {
  return fail_param(Fault::kBadRequest, std::move(flag), std::move(message));
}

ServeConfig::Model read_model(const Settings& settings) {
  ServeConfig::Model model;
  model.name = settings.text("model");
  model.served_as = settings.texts("served-model-name");
  model.download_dir = settings.text("download-dir");
  model.packed_cache = settings.text("packed-cache");
  model.hf_token = settings.text("hf-token");
  model.max_model_len = settings.integer("max-model-len");
  model.isa = settings.text("isa");
  model.compute = settings.text("compute");
  if (settings.text("dtype").starts_with("float") && settings.text("dtype") != "float16") {
    if (!settings.given("compute")) model.compute = "fp32";
  }
  model.performance_mode = settings.text("performance-mode");
  model.int8_kv = settings.text("kv-cache-dtype") == "int8";
  model.threads = static_cast<int>(settings.integer("threads"));
  if (settings.given("seed")) model.seed = static_cast<std::uint64_t>(settings.integer("seed"));
  model.generation_config = settings.text("generation-config");
  model.generation_overrides = settings.text("override-generation-config");
  model.chat_template = settings.text("chat-template");
  return model;
}

// The most exact wish counts.
ServeConfig::Memory read_memory(const Settings& settings) {
  ServeConfig::Memory memory;
  memory.kv_blocks = settings.integer("num-gpu-blocks-override");
  if (memory.kv_blocks == 0) memory.kv_bytes = settings.integer("kv-cache-memory-bytes");
  if (memory.kv_blocks == 0 && memory.kv_bytes == 0) memory.share = settings.number("gpu-memory-utilization");
  return memory;
}

Result<ServeConfig::Scheduling> read_scheduling(const Settings& settings) {
  ATELIER_TRY(Speculation speculation, read_speculation(settings.text("speculative-config")));
  return ServeConfig::Scheduling{.max_sequences = settings.integer("max-num-seqs"),
                                 .max_batch_tokens = settings.integer("max-num-batched-tokens"),
                                 .max_requests = settings.integer("max-num-queued-reqs"),
                                 .max_queued_tokens = settings.integer("max-num-queued-tokens"),
                                 .long_prefill_tokens = settings.integer("long-prefill-token-threshold"),
                                 .prefix_cache = settings.on("enable-prefix-caching"),
                                 .by_priority = settings.text("scheduling-policy") == "priority",
                                 .speculation = std::move(speculation)};
}

Result<ServeConfig::Network> read_network(const Settings& settings) {
  for (const char* name : {"ssl-keyfile", "ssl-certfile", "ssl-ca-certs"}) {
    if (!settings.given(name)) continue;
    return refuse(fmt::format("--{}", name),
                  fmt::format("--{}: this server speaks plain HTTP; put nginx or haproxy in front for TLS "
                              "and start it without this flag",
                              name));
  }
  if (settings.integer("ssl-cert-reqs") != 0) {
    return refuse("--ssl-cert-reqs", "--ssl-cert-reqs: only 0 can be; this server speaks plain HTTP");
  }
  ServeConfig::Network network;
  network.host = settings.text("host");
  network.port = static_cast<std::uint16_t>(settings.integer("port"));
  network.root_path = settings.text("root-path");
  while (network.root_path.ends_with('/')) network.root_path.pop_back();
  if (!network.root_path.empty() && !network.root_path.starts_with('/')) {
    return refuse("--root-path",
                  fmt::format("--root-path {0}: must begin with a slash: /{0}", network.root_path));
  }
  network.shutdown_timeout =
      std::chrono::milliseconds(static_cast<std::int64_t>(settings.number("shutdown-timeout") * 1000));
  return network;
}

Result<ServeConfig::Access> read_access(const Settings& settings) {
  ServeConfig::Access access{.keys = settings.texts("api-key"),
                             .requests_per_minute = settings.integer("limit-requests-per-min"),
                             .tokens_per_minute = settings.integer("limit-tokens-per-min"),
                             .origins = settings.texts("allowed-origins"),
                             .methods = settings.texts("allowed-methods"),
                             .headers = settings.texts("allowed-headers"),
                             .allow_credentials = settings.on("allow-credentials")};
  for (const std::string& key : access.keys) {
    if (key.find_first_of(" \t\r\n") == std::string::npos) continue;
    return refuse("--api-key", "--api-key: a key holds no spaces: clients could not send it");
  }
  return access;
}

LogLevel log_level(const std::string& name) {
  if (name == "trace" || name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  return name == "warning" ? LogLevel::kWarning : LogLevel::kError;
}

Result<ServeConfig::Seeing> read_seeing(const Settings& settings) {
  ServeConfig::Seeing seeing{.traces_url = settings.text("otlp-traces-endpoint"),
                             .per_request_metrics = settings.on("enable-per-request-metrics"),
                             .log_stats = !settings.on("disable-log-stats")};
  const std::string& url = seeing.traces_url;
  if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://")) {
    return refuse("--otlp-traces-endpoint",
                  fmt::format("--otlp-traces-endpoint {}: must be an address of OTLP over HTTP, as "
                              "http://localhost:4318",
                              url));
  }
  return seeing;
}

}  // namespace

Result<ServeConfig> serve_config(const Settings& settings) {
  ServeConfig config;
  config.model = read_model(settings);
  if (config.model.name.empty()) {
    return refuse("--model",
                  "which model? atelier serve MODEL, or --model MODEL; `atelier models` lists some");
  }
  if (settings.text("revision") != "main") {
    return refuse("--revision", fmt::format("--revision {}: only main can be; a folder that holds another "
                                            "revision can be given as MODEL",
                                            settings.text("revision")));
  }
  config.memory = read_memory(settings);
  ATELIER_TRY(config.scheduling, read_scheduling(settings));
  ATELIER_TRY(config.network, read_network(settings));
  ATELIER_TRY(config.access, read_access(settings));
  ATELIER_TRY(config.seeing, read_seeing(settings));
  config.api = {.response_role = settings.text("response-role"),
                .max_logprobs = static_cast<std::int32_t>(
                    settings.text("max-logprobs") == "-1" ? -1 : settings.integer("max-logprobs")),
                .force_include_usage = settings.on("enable-force-include-usage"),
                .log_requests = settings.on("enable-log-requests") || !settings.on("disable-log-requests")};
  config.log_level = log_level(settings.text("uvicorn-log-level"));
  return config;
}

Status add_environment(Settings& settings) {
  for (const char* name : {"ATELIER_API_KEY", "VLLM_API_KEY"}) {
    const char* key = std::getenv(name);
    if (key == nullptr || *key == '\0' || settings.given("api-key")) continue;
    ATELIER_TRY_STATUS(settings.set(*find_flag("api-key"), {key}));
  }
  return {};
}

}  // namespace atelier::config
