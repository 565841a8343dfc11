#include "app/bench_throughput.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <deque>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "app/model_options.h"
#include "app/report.h"
#include "app/runtime.h"
#include "base/log.h"
#include "base/progress_bar.h"

namespace atelier::app {
namespace {

struct ThroughputOptions {
  ModelOptions model;
  std::int64_t input_len = 512, output_len = 128, num_prompts = 64, max_sequences = 32;
  std::uint64_t seed = 0;
  std::string output_json;
};

struct Throughput {
  double elapsed_s = 0;
  std::int64_t requests = 0, prompt_tokens = 0, output_tokens = 0;

  double per_second(std::int64_t count) const { return static_cast<double>(count) / elapsed_s; }
};

engine::GenerationRequest random_request(const ThroughputOptions& options, std::int32_t vocabulary,
                                         std::mt19937_64& random) {
  engine::GenerationRequest request;
  std::uniform_int_distribution<std::int32_t> id(0, vocabulary - 1);
  for (std::int64_t i = 0; i < options.input_len; ++i) request.prompt.push_back(id(random));
  request.max_tokens = options.output_len;
  request.sampling.temperature = 0;
  request.ignore_eos = true;
  return request;
}

// Reads a generation to its end; how many tokens it gave.
Result<std::int64_t> finish(engine::GenerationHandle& handle) {
  for (std::int64_t tokens = 0;;) {
    const engine::GenerationUpdate update = handle.wait();
    tokens += std::ssize(update.tokens);
    if (!update.end) continue;
    if (update.end->reason != engine::FinishReason::kFailed) return tokens;
    return fail(Fault::kInternal, "a generation failed: {}", update.end->error);
  }
}

// All of them submitted as far as the engine's queue takes them, the rest as earlier ones end.
Result<Throughput> run(engine::Engine& engine, const ThroughputOptions& options) {
  std::mt19937_64 random(options.seed);
  std::vector<engine::GenerationRequest> requests;
  for (std::int64_t i = 0; i < options.num_prompts; ++i) {
    requests.push_back(random_request(options, engine.config().vocabulary, random));
  }
  ProgressBar bar("requests", options.num_prompts, stderr, "requests");
  std::deque<std::unique_ptr<engine::GenerationHandle>> running;
  Throughput done{.requests = options.num_prompts, .prompt_tokens = options.num_prompts * options.input_len};
  std::int64_t ended = 0;
  const auto end_oldest = [&]() -> Status {
    ATELIER_TRY(const std::int64_t tokens, finish(*running.front()));
    done.output_tokens += tokens;
    running.pop_front();
    bar.set(++ended);
    return {};
  };
  const auto begin = std::chrono::steady_clock::now();
  for (engine::GenerationRequest& request : requests) {
    auto handle = engine.submit(request);
    while (!handle && handle.error().fault == Fault::kOverloaded && !running.empty()) {
      ATELIER_TRY_STATUS(end_oldest());
      handle = engine.submit(request);
    }
    if (!handle) return std::unexpected(std::move(handle).error());
    running.push_back(std::move(*handle));
  }
  while (!running.empty()) ATELIER_TRY_STATUS(end_oldest());
  done.elapsed_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  bar.finish();
  return done;
}

boost::json::object to_json(const Throughput& done) {
  const std::int64_t tokens = done.prompt_tokens + done.output_tokens;
  return {{"elapsed_time", done.elapsed_s},
          {"num_requests", done.requests},
          {"total_num_tokens", tokens},
          {"requests_per_second", done.per_second(done.requests)},
          {"tokens_per_second", done.per_second(tokens)}};
}

void print(const Throughput& done) {
  fmt::print("Throughput: {:.2f} requests/s, {:.2f} total tokens/s, {:.2f} output tokens/s\n",
             done.per_second(done.requests), done.per_second(done.prompt_tokens + done.output_tokens),
             done.per_second(done.output_tokens));
  fmt::print("Total num prompt tokens:  {}\nTotal num output tokens:  {}\n", done.prompt_tokens,
             done.output_tokens);
}

Status measure(ThroughputOptions options) {
  if (options.model.max_model_len == 0) options.model.max_model_len = options.input_len + options.output_len;
  ATELIER_TRY(const auto runtime, start_runtime(options.model));
  ATELIER_TRY_STATUS(runtime->start_engine({.engine = {.max_sequences = options.max_sequences}}));
  ATELIER_TRY(const Throughput done, run(*runtime->engine, options));
  print(done);
  if (options.output_json.empty()) return {};
  std::ofstream out(options.output_json, std::ios::binary);
  out << boost::json::serialize(to_json(done)) << '\n';
  out.close();
  if (!out) return fail(Fault::kIo, "{} cannot be written", options.output_json);
  return {};
}

}  // namespace

void add_bench_throughput(CLI::App& bench, Chosen& chosen) {
  auto options = std::make_shared<ThroughputOptions>();
  CLI::App* command = bench.add_subcommand("throughput", "Time many requests at once, without a server");
  add_model_options(*command, options->model);
  const auto add = [&](const char* name, std::int64_t& value, std::int64_t most, const char* what) {
    command->add_option(name, value, what)->check(CLI::Range(std::int64_t{1}, most))->capture_default_str();
  };
  add("--input-len", options->input_len, 1 << 24, "tokens of each prompt");
  add("--output-len", options->output_len, 1 << 24, "tokens of each answer");
  add("--num-prompts", options->num_prompts, 1 << 20, "requests in all");
  add("--max-num-seqs", options->max_sequences, 4096, "generations running at once");
  command->add_option("--seed", options->seed, "of the prompts")->capture_default_str();
  command->add_option("--output-json", options->output_json, "write the result to this file");
  command->callback([&chosen, options] {
    chosen.run = [options] {
      const Status status = measure(*options);
      return status ? 0 : report(status.error());
    };
  });
}

}  // namespace atelier::app
