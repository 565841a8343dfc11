// The ServeConfig is everything that `atelier serve` was told, read and checked once. Nobody changes it
// afterwards; what runs gets the part that concerns it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "config/settings.h"
#include "config/speculation.h"

namespace atelier::config {

struct ServeConfig {
  struct Model {
    std::string name;                    // file, folder, hub id or catalogue name
    std::vector<std::string> served_as;  // empty: its id
    std::string download_dir, hf_token;  // "": the environment's
    std::string packed_cache;            // a folder; "": none
    std::int64_t max_model_len = 0;      // tokens; 0: what the model declares and memory holds
    std::string isa, compute, performance_mode;
    bool int8_kv = false;  // keys and values in int8
    int threads = 0;       // 0: one per core
    std::optional<std::uint64_t> seed;
    std::string generation_config;     // "auto", "vllm" or a path
    std::string generation_overrides;  // a JSON object, or ""
    std::string chat_template;         // a file or a template's text, or ""
  };
  struct Memory {      // at most one is set; none: a quarter of what is free
    double share = 0;  // of the machine's, for the whole program
    std::int64_t kv_bytes = 0, kv_blocks = 0;
  };
  struct Scheduling {
    std::int64_t max_sequences = 0, max_batch_tokens = 0, max_requests = 0, max_queued_tokens = 0;
    std::int64_t long_prefill_tokens = 0;  // 0: the scheduler decides
    bool prefix_cache = true, by_priority = false;
    Speculation speculation;
  };
  struct Network {
    std::string host;
    std::uint16_t port = 0;
    std::string root_path;  // "" or "/llm"
    std::chrono::milliseconds shutdown_timeout{0};
  };
  struct Api {
    std::string response_role;
    std::int32_t max_logprobs = 0;  // -1: the vocabulary
    bool force_include_usage = false, log_requests = false;
  };
  struct Access {
    std::vector<std::string> keys;                                // empty: everybody
    std::int64_t requests_per_minute = 0, tokens_per_minute = 0;  // 0: no limit
    std::vector<std::string> origins, methods, headers;
    bool allow_credentials = false;
  };

  struct Seeing {
    std::string traces_url;  // of an OTLP/HTTP collector; "": no traces
    bool per_request_metrics = false, log_stats = true;
  };

  Model model;
  Memory memory;
  Scheduling scheduling;
  Network network;
  Api api;
  Access access;
  Seeing seeing;
  LogLevel log_level = LogLevel::kInfo;
};

// kBadRequest, param "--…": no model, or flags that contradict each other.
Result<ServeConfig> serve_config(const Settings& settings);

// The keys that the environment gives where no --api-key was said; the one place that reads it. A key that
// cannot be is refused, lest the server runs without one.
Status add_environment(Settings& settings);

}  // namespace atelier::config
