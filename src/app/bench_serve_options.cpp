#include "app/bench_serve_options.h"

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "app/bench_presets.h"
#include "base/json.h"

namespace atelier::app {
namespace {

constexpr std::int64_t kMostRequests = 10'000'000, kMostTokens = 1 << 24;

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || std::isnan(value)) return std::nullopt;
  return value;
}

std::vector<std::string> split(const std::string& list) {
  return CLI::detail::split(list, ',');
}

// "--temperature 0.7" becomes a field of every request; "" adds none.
Status add_field(const char* option, const char* field, const std::string& text, boost::json::object& body) {
  if (text.empty()) return {};
  const auto value = number(text);
  if (!value)
    return fail_param(Fault::kBadRequest, option, fmt::format("{}: '{}' is no number", option, text));
  if (*value == std::floor(*value) && std::abs(*value) < 1e9) {
    body[field] = static_cast<std::int64_t>(*value);
  } else {
    body[field] = *value;
  }
  return {};
}

Result<boost::json::object> extra_fields(const BenchServeOptions& options) {
  boost::json::object extra;
  ATELIER_TRY_STATUS(add_field("--temperature", "temperature", options.temperature, extra));
  ATELIER_TRY_STATUS(add_field("--top-p", "top_p", options.top_p, extra));
  ATELIER_TRY_STATUS(add_field("--top-k", "top_k", options.top_k, extra));
  if (options.extra_body.empty()) return extra;
  const auto given = parse_json(options.extra_body);
  if (!given || !given->is_object()) {
    return fail_param(Fault::kBadRequest, "--extra-body", "--extra-body must be a JSON object");
  }
  for (const auto& field : given->get_object()) extra[field.key()] = field.value();
  return extra;
}

void add_target(CLI::App& command, BenchServeOptions& options) {
  command.add_option(
      "MODEL", options.floor_model,
      "the served model's file, folder or name: its arithmetic floor is told beside each number");
  command.add_option("--base-url", options.base_url, "the server (default: http://HOST:PORT)");
  command.add_option("--host", options.host, "the server's host")->capture_default_str();
  command.add_option("--port", options.port, "the server's port")->capture_default_str();
  command.add_option("--endpoint", options.endpoint, "/v1/completions or /v1/chat/completions")
      ->capture_default_str();
  command.add_option("--backend", options.backend, "openai-chat means the endpoint /v1/chat/completions")
      ->check(CLI::IsMember({"openai", "vllm", "openai-chat"}))
      ->capture_default_str();
  command.add_option("--model", options.model, "what requests call the model (default: the server's first)");
  command.add_option("--served-model-name", options.served_name, "as --model, and stronger");
  command.add_option("--api-key", options.api_key, "sent as a bearer token")->envname("OPENAI_API_KEY");
  command
      .add_option("--ready-check-timeout-sec", options.ready_timeout_s,
                  "seconds to wait for the server to answer")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
}

void add_workload(CLI::App& command, BenchServeOptions& options) {
  const auto count = [&](const char* name, std::int64_t& value, std::int64_t least, std::int64_t most,
                         const char* what) {
    return command.add_option(name, value, what)->check(CLI::Range(least, most))->capture_default_str();
  };
  command.add_option("--dataset-name", options.dataset, "random prompts, ShareGPT's file, or JSON lines")
      ->check(CLI::IsMember({"random", "sharegpt", "custom"}))
      ->capture_default_str();
  command.add_option("--dataset-path", options.dataset_path, "the file of sharegpt or custom");
  count("--random-input-len,--input-len", options.input_len, 1, kMostTokens, "tokens of a prompt");
  count("--random-output-len,--output-len", options.output_len, 1, kMostTokens, "tokens of an answer");
  command
      .add_option("--random-range-ratio", options.range_ratio,
                  "lengths are spread evenly over [len (1 - ratio), len (1 + ratio)]")
      ->check(CLI::Range(0.0, 0.999))
      ->capture_default_str();
  count("--sharegpt-output-len,--custom-output-len", options.file_output_len, 0, kMostTokens,
        "tokens of an answer; 0 = as the file says");
  count("--num-prompts", options.num_prompts, 1, kMostRequests, "requests in all");
  count("--num-warmups", options.num_warmups, 0, kMostRequests, "requests before the clock starts");
  count("--max-concurrency", options.max_concurrency, 0, 65'536, "requests under way at once; 0 = no bound");
  command
      .add_option_function<std::string>(
          "--request-rate",
          [&options](const std::string& text) {
            const auto rate = number(text);
            if (!rate || *rate <= 0) throw CLI::ValidationError("--request-rate", "must be above 0, or inf");
            options.request_rate = std::isinf(*rate) ? 0 : *rate;
          },
          "requests per second, open loop; inf = all at once")
      ->default_str("inf");
  command.add_option("--burstiness", options.burstiness, "1 = a Poisson process; less is burstier")
      ->check(CLI::Range(1e-3, 1e6))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "of prompts and arrivals")->capture_default_str();
  command.add_flag("--ignore-eos", options.ignore_eos, "answers of full length (random prompts: always)");
  command.add_option("--temperature", options.temperature, "of sampling (default 0)");
  command.add_option("--top-p", options.top_p, "of sampling");
  command.add_option("--top-k", options.top_k, "of sampling");
  command.add_option("--extra-body", options.extra_body, "a JSON object: more fields for every request");
}

void add_results(CLI::App& command, BenchServeOptions& options) {
  command.add_option("--goodput", options.goodput, "ttft:MS tpot:MS e2el:MS: what a good request keeps to")
      ->expected(1, 3);
  command.add_option("--percentile-metrics", options.shown_latencies, "of ttft,tpot,itl,e2el")
      ->capture_default_str();
  command.add_option("--metric-percentiles", options.percentiles, "\"50,90,99\"")->capture_default_str();
  command.add_flag("--save-result", options.save, "write the result as a JSON file");
  command.add_flag("--save-detailed", options.save_detailed, "each request's numbers and texts too");
  command.add_option("--result-dir", options.result_dir, "where to (default: here)");
  command.add_option("--result-filename", options.result_filename, "under which name");
  command.add_option("--label", options.label, "the file name's first part (default: the backend)");
  command.add_option("--metadata", options.metadata, "KEY=VALUE pairs for the file")
      ->expected(1, 64)
      ->check(CLI::Validator(
          [](const std::string& pair) {
            return pair.find('=') < pair.size() ? "" : "'" + pair + "' is not KEY=VALUE";
          },
          ""));
  command.add_option("--svg", options.svg, "write a chart of the run");
  command.add_flag("--json", options.json, "print one JSON object in place of the table");
  command.add_flag("--disable-tqdm", options.no_progress, "no progress bar");
  command.add_option("--preset", options.preset, "a whole table: " + preset_names())
      ->check(CLI::Validator(
          [](const std::string& name) {
            return find_preset(name) != nullptr ? "" : "known presets: " + preset_names();
          },
          "NAME"));
}

}  // namespace

void add_bench_serve_options(CLI::App& command, BenchServeOptions& options) {
  add_target(command, options);
  add_workload(command, options);
  add_results(command, options);
}

client::Endpoint endpoint(const BenchServeOptions& options) {
  const bool v6 = options.host.find(':') != std::string::npos;
  std::string url = !options.base_url.empty() ? options.base_url
                                              : fmt::format("http://{}{}{}:{}", v6 ? "[" : "", options.host,
                                                            v6 ? "]" : "", options.port);
  while (url.ends_with('/')) url.pop_back();
  return {.base_url = std::move(url), .api_key = options.api_key};
}

Result<load::LoadTask> load_task(const BenchServeOptions& options, const std::string& served_model) {
  load::LoadTask task;
  task.path = options.backend == "openai-chat" ? "/v1/chat/completions" : options.endpoint;
  if (!task.path.ends_with("/completions") || !task.path.starts_with('/')) {
    return fail_param(
        Fault::kBadRequest, "--endpoint",
        fmt::format("--endpoint {}: known are /v1/completions and /v1/chat/completions", task.path));
  }
  const bool random = options.dataset == "random";
  if (random != options.dataset_path.empty()) {
    return fail_param(Fault::kBadRequest, "--dataset-path",
                      random ? "--dataset-path needs --dataset-name sharegpt or custom"
                             : fmt::format("--dataset-name {} needs --dataset-path", options.dataset));
  }
  task.shape.chat = task.path.ends_with("/chat/completions");
  task.shape.model = served_model;
  task.shape.ignore_eos = options.ignore_eos || random;
  ATELIER_TRY(task.shape.extra, extra_fields(options));
  task.dataset_path = options.dataset_path;
  task.lengths = {.input_tokens = options.input_len,
                  .output_tokens = options.output_len,
                  .range_ratio = options.range_ratio};
  task.file_output_tokens = options.file_output_len;
  task.count = options.num_prompts;
  task.warmups = options.num_warmups;
  task.traffic = {.requests_per_s = options.request_rate, .burstiness = options.burstiness};
  task.max_concurrency = options.max_concurrency;
  task.seed = options.seed;
  task.keep_texts = options.save_detailed;
  return task;
}

Result<load::Goals> goals(const BenchServeOptions& options) {
  load::Goals goals;
  for (const std::string& pair : options.goodput) {
    const std::size_t colon = pair.find(':');
    const std::string name = pair.substr(0, colon);
    const auto value = colon == pair.npos ? std::nullopt : number(std::string_view(pair).substr(colon + 1));
    std::optional<double>* goal = name == "ttft"   ? &goals.ttft_ms
                                  : name == "tpot" ? &goals.tpot_ms
                                  : name == "e2el" ? &goals.e2el_ms
                                                   : nullptr;
    if (goal == nullptr || !value || *value < 0) {
      return fail_param(Fault::kBadRequest, "--goodput",
                        fmt::format("--goodput '{}': give ttft:MS, tpot:MS or e2el:MS, MS from 0", pair));
    }
    *goal = *value;
  }
  return goals;
}

Result<std::vector<double>> percentiles(const BenchServeOptions& options) {
  std::vector<double> out;
  for (const std::string& text : split(options.percentiles)) {
    const auto value = number(text);
    if (!value || *value < 0 || *value > 100) {
      return fail_param(Fault::kBadRequest, "--metric-percentiles",
                        fmt::format("--metric-percentiles '{}': numbers from 0 to 100, as 50,90,99", text));
    }
    out.push_back(*value);
  }
  return out;
}

Result<load::ShownRun> shown_run(const BenchServeOptions& options) {
  load::ShownRun shown{
      .latencies = {}, .max_concurrency = options.max_concurrency, .requests_per_s = options.request_rate};
  for (const std::string& name : split(options.shown_latencies)) {
    const auto found = std::ranges::find(load::kLatencies, name, load::short_name);
    if (found == load::kLatencies.end()) {
      return fail_param(Fault::kBadRequest, "--percentile-metrics",
                        fmt::format("--percentile-metrics '{}': known are ttft, tpot, itl, e2el", name));
    }
    shown.latencies.push_back(*found);
  }
  return shown;
}

}  // namespace atelier::app
