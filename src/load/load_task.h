// A LoadTask is a load run described: what is asked, how much of it and when. perform writes the requests,
// tries one, warms up and runs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "load/arrivals.h"
#include "load/load_run.h"
#include "load/workload.h"

namespace atelier::load {

struct LoadTask {
  std::string path = "/v1/completions";
  RequestShape shape;
  std::string dataset_path;  // "" = random prompts
  RandomLengths lengths;     // of random prompts
  std::int64_t file_output_tokens = 0;
  std::int64_t count = 1000, warmups = 0;
  Traffic traffic;
  std::int64_t max_concurrency = 0;  // 0: no bound
  std::uint64_t seed = 0;
  bool keep_texts = false;
};

// What a run tells while it goes.
struct LoadNews {
  std::function<void(std::string_view)> note;       // a line for a person
  std::function<void(std::int64_t done)> progress;  // requests that have ended, of count
};

// The first request is tried before the clock starts; its failure is the result.
Result<LoadResult> perform(client::Transfers& transfers, const LoadTask& task, const LoadNews& news);

// What the server says of itself at /v1/models.
struct ServedModelInfo {
  std::string id;                  // of the first model
  std::int64_t max_model_len = 0;  // tokens; 0 where it does not say
};
// Waits up to `patience` for a server that is not there yet or still loads. kNetwork: none came.
Result<ServedModelInfo> ask_model(client::Transfers& transfers, std::chrono::milliseconds patience);

}  // namespace atelier::load
