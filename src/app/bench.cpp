// atelier bench latency: how fast a model runs here. (bench kernels: see bench_kernels.h.)
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <string>

#include "app/bench_kernels.h"
#include "app/commands.h"
#include "app/latency.h"
#include "app/model_options.h"
#include "app/process_stats.h"
#include "app/report.h"
#include "app/runtime.h"
#include "base/log.h"

namespace atelier::app {
namespace {

constexpr LatencyTask kFirstToken = {.input_tokens = 8, .output_tokens = 1};

struct LatencyOptions {
  ModelOptions model;
  LatencyTask task;
  bool json = false;
};

struct LatencyReport {
  Latency latency;
  double load_s = 0, first_token_s = 0;
  std::int64_t weights_bytes = 0, kv_bytes = 0;
  std::string isa;
  int threads = 0;
};

Status check_context(const LatencyTask& task, const model::ModelConfig& config) {
  const std::int64_t length = task.depth_tokens + task.input_tokens + task.output_tokens;
  if (length <= config.max_context) return {};
  return fail_param(
      Fault::kTooLong, "--input-len",
      fmt::format("{} + {} + {} tokens of depth, input and output are more than the context of {}",
                  task.depth_tokens, task.input_tokens, task.output_tokens, config.max_context));
}

// One 8-token prompt and its first answer token, on a cache of its own.
void answer_once(const Runtime& runtime, std::int32_t vocabulary) {
  model::KvStore kv(runtime.bundle.config, runtime.decoder->kv_dtype(), blocks_needed(kFirstToken));
  run_once(kFirstToken, *runtime.decoder, kv, vocabulary);
}

Result<LatencyReport> measure(const LatencyOptions& options) {
  const double before_load = seconds_since_process_start();
  ATELIER_TRY(const auto runtime, start_runtime(options.model));
  LatencyReport report;
  report.load_s = seconds_since_process_start() - before_load;
  report.isa = runtime->ops->isa;
  ATELIER_TRY_STATUS(check_context(options.task, runtime->bundle.config));
  const auto vocabulary = static_cast<std::int32_t>(
      std::min<std::int64_t>(runtime->tokenizer().size(), runtime->bundle.config.vocab_rows));
  answer_once(*runtime, vocabulary);
  report.first_token_s = seconds_since_process_start();

  model::KvStore kv(runtime->bundle.config, runtime->decoder->kv_dtype(), blocks_needed(options.task));
  log_info("measuring {} x ({} + {} in, {} out)", options.task.sequences, options.task.depth_tokens,
           options.task.input_tokens, options.task.output_tokens);
  report.latency = measure_latency(options.task, *runtime->decoder, kv, vocabulary);
  report.weights_bytes = runtime->weights.bytes;
  report.kv_bytes = kv.bytes();
  report.threads = runtime->pool->size();
  return report;
}

void print(const LatencyReport& report, bool json) {
  const std::int64_t peak = peak_memory_bytes();
  if (json) {
    const boost::json::object out{{"prefill_tokens_per_s", report.latency.prefill_tokens_per_s},
                                  {"decode_tokens_per_s", report.latency.decode_tokens_per_s},
                                  {"load_s", report.load_s},
                                  {"first_token_s", report.first_token_s},
                                  {"peak_rss_bytes", peak},
                                  {"weights_bytes", report.weights_bytes},
                                  {"kv_bytes", report.kv_bytes},
                                  {"isa", report.isa},
                                  {"threads", report.threads}};
    fmt::print("{}\n", boost::json::serialize(out));
    return;
  }
  fmt::print("prefill      {:10.1f} tokens/s\n", report.latency.prefill_tokens_per_s);
  fmt::print("decode       {:10.1f} tokens/s\n", report.latency.decode_tokens_per_s);
  fmt::print("load         {:10.2f} s\n", report.load_s);
  fmt::print("first token  {:10.2f} s from process start\n", report.first_token_s);
  fmt::print("peak memory  {:10} MiB\n", peak >> 20);
  fmt::print("weights      {:10} MiB\n", report.weights_bytes >> 20);
  fmt::print("KV pool      {:10} MiB\n", report.kv_bytes >> 20);
  fmt::print("{} on {} threads\n", report.isa, report.threads);
}

void add_latency(CLI::App& bench, Chosen& chosen) {
  auto options = std::make_shared<LatencyOptions>();
  CLI::App* command = bench.add_subcommand("latency", "Time prompts and answers of a model");
  add_model_options(*command, options->model);
  const auto add = [&](const char* name, std::int64_t& value, std::int64_t least, const char* what) {
    command->add_option(name, value, what)
        ->check(CLI::Range(least, std::int64_t{1} << 24))
        ->capture_default_str();
  };
  add("--input-len", options->task.input_tokens, 1, "tokens of each prompt");
  add("--output-len", options->task.output_tokens, 1, "tokens of each answer");
  add("--batch-size", options->task.sequences, 1, "sequences at once");
  add("--depth", options->task.depth_tokens, 0, "tokens in the cache before the prompt");
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([&chosen, options] {
    chosen.run = [options] {
      const Result<LatencyReport> latency = measure(*options);
      if (!latency) return report(latency.error());
      print(*latency, options->json);
      return 0;
    };
  });
}

}  // namespace

void add_bench(CLI::App& root, Chosen& chosen) {
  CLI::App* bench = root.add_subcommand("bench", "Measure speed");
  bench->require_subcommand(1);
  add_latency(*bench, chosen);
  add_bench_kernels(*bench, chosen);
}

}  // namespace atelier::app
