// atelier bench latency: how fast a model runs here. (The other benches: bench_kernels.h, bench_serve.h,
// bench_throughput.h.)
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <memory>
#include <string>
#include <utility>

#include "app/bench_kernels.h"
#include "app/bench_serve.h"
#include "app/bench_throughput.h"
#include "app/commands.h"
#include "app/latency.h"
#include "app/latency_report.h"
#include "app/model_options.h"
#include "app/process_stats.h"
#include "app/report.h"
#include "app/runtime.h"
#include "base/log.h"
#include "kernels/benchmark.h"
#include "tensor/aligned_buffer.h"

namespace atelier::app {
namespace {

constexpr LatencyTask kFirstToken = {.input_tokens = 8, .output_tokens = 1};

struct LatencyOptions {
  ModelOptions model;
  LatencyTask task;
  int rounds = 5;
  bool json = false;
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
  LatencyRun(kFirstToken, *runtime.decoder, kv, vocabulary).prefill_seconds();
}

// The machine's limits, measured between a run's phases.
class Limits {
 public:
  Limits(ThreadPool& pool, std::string unit)
      : pool_(pool), unit_(std::move(unit)), buffer_(std::size_t{256} << 20) {
    std::fill_n(buffer_.data(), buffer_.size(), std::byte{1});
  }

  double read_bytes_per_s() const {
    constexpr int kTimes = 6;  // about a tenth of a second, so that a neighbour's burst weighs as in a decode
    const auto bytes = static_cast<std::int64_t>(buffer_.size());
    double seconds = 0;
    for (int i = 0; i < kTimes; ++i) seconds += kernels::read_seconds(pool_, buffer_.data(), bytes);
    return kTimes * static_cast<double>(bytes) / seconds;
  }
  double peak_operations_per_s() const { return kernels::unit_peak(pool_, unit_); }

 private:
  ThreadPool& pool_;
  std::string unit_;
  AlignedBuffer buffer_;
};

LatencyRound measure_round(const LatencyTask& task, LatencyRun& run, const Limits& limits) {
  const auto rate = [&](std::int64_t tokens_each, double seconds) {
    return static_cast<double>(tokens_each * task.sequences) / seconds;
  };
  LatencyRound round;
  round.read_bytes_per_s = limits.read_bytes_per_s();
  round.decode_tokens_per_s = rate(task.output_tokens, run.decode_seconds());
  round.peak_operations_per_s = limits.peak_operations_per_s();
  round.prefill_tokens_per_s = rate(task.input_tokens, run.prefill_seconds());
  return round;
}

// Of prompt rows by the matrices with most weights; all of a file's matrices mostly have one form.
std::string prompt_unit(const Runtime& runtime, kernels::Compute compute) {
  const DType kind = runtime.weights.layers.front().gate.source;
  return kernels::unit_of(*runtime.ops,
                          kernels::form_for(*runtime.ops, compute, kernels::TokenRole::kPrompt, kind));
}

Result<LatencyReport> measure(const LatencyOptions& options) {
  const double before_load = seconds_since_process_start();
  ATELIER_TRY(const auto runtime, start_runtime(options.model));
  LatencyReport report;
  report.load_s = seconds_since_process_start() - before_load;
  const model::ModelConfig& config = runtime->bundle.config;
  ATELIER_TRY_STATUS(check_context(options.task, config));
  const auto vocabulary =
      static_cast<std::int32_t>(std::min<std::int64_t>(runtime->tokenizer().size(), config.vocab_rows));
  answer_once(*runtime, vocabulary);
  report.first_token_s = seconds_since_process_start();

  model::KvStore kv(config, runtime->decoder->kv_dtype(), blocks_needed(options.task));
  log_info("measuring {} x ({} + {} in, {} out)", options.task.sequences, options.task.depth_tokens,
           options.task.input_tokens, options.task.output_tokens);
  LatencyRun run(options.task, *runtime->decoder, kv, vocabulary);
  run.warm_up();
  report.peak_rss_bytes = peak_memory_bytes();

  report.unit = prompt_unit(*runtime, options.model.decoder.compute);
  const Limits limits(*runtime->pool, report.unit);
  for (int i = 0; i < options.rounds; ++i) {
    report.rounds.push_back(measure_round(options.task, run, limits));
  }
  report.task = options.task;
  report.cost = plan::step_cost(config, runtime->weights, runtime->decoder->kv_dtype());
  report.isa = runtime->ops->isa;
  report.compute = compute_name(options.model.decoder.compute);
  report.threads = runtime->pool->size();
  report.weights_bytes = runtime->weights.bytes;
  report.kv_bytes = kv.bytes();
  return report;
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
  command->add_option("--num-iters", options->rounds, "rounds; the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([&chosen, options] {
    chosen.run = [options] {
      const Result<LatencyReport> latency = measure(*options);
      if (!latency) return report(latency.error());
      if (options->json) {
        fmt::print("{}\n", boost::json::serialize(to_json(*latency)));
      } else {
        print_lines(*latency);
      }
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
  add_bench_serve(*bench, chosen);
  add_bench_throughput(*bench, chosen);
}

}  // namespace atelier::app
