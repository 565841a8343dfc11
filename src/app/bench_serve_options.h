// The options of `atelier bench serve`, spelled as "vllm bench serve" spells them.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "load/load_task.h"
#include "load/result_text.h"

namespace atelier::app {

struct BenchServeOptions {
  std::string floor_model;  // MODEL: whose arithmetic floor is told; "" = none
  std::string base_url, host = "127.0.0.1", endpoint = "/v1/completions", backend = "openai";
  std::uint16_t port = 8000;
  std::string model, served_name, api_key;  // "" = ask the server; OPENAI_API_KEY
  std::string dataset = "random", dataset_path;
  std::int64_t input_len = 1024, output_len = 128, file_output_len = 0;
  double range_ratio = 0;
  std::int64_t num_prompts = 1000, max_concurrency = 0, num_warmups = 0;
  double request_rate = 0, burstiness = 1;  // rate 0 = all at once ("inf")
  std::uint64_t seed = 0;
  double ready_timeout_s = 0;
  bool ignore_eos = false, no_progress = false;
  std::string extra_body, temperature, top_p, top_k;  // "" = not sent (temperature: 0)
  std::vector<std::string> goodput, metadata;
  std::string shown_latencies = "ttft,tpot,itl", percentiles = "99";
  bool save = false, save_detailed = false, json = false;
  std::string result_dir, result_filename, label, svg;
  std::string preset;
  bool count_given = false, concurrency_given = false;  // on the command line: they change a preset
};

void add_bench_serve_options(CLI::App& command, BenchServeOptions& options);

// Each refuses (param names the option) what cannot be.
Result<load::LoadTask> load_task(const BenchServeOptions& options, const std::string& served_model);
Result<load::Goals> goals(const BenchServeOptions& options);
Result<std::vector<double>> percentiles(const BenchServeOptions& options);
Result<load::ShownRun> shown_run(const BenchServeOptions& options);
client::Endpoint endpoint(const BenchServeOptions& options);

}  // namespace atelier::app
