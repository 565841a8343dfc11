// A load run: all requests of a workload sent to one server, as the traffic says, and what became of each.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "load/answer.h"
#include "load/workload.h"

namespace atelier::load {

struct LoadPlan {
  std::string path;                // "/v1/completions"
  std::vector<double> arrivals_s;  // one per request, ascending; see arrival_seconds
  std::int64_t max_concurrency = std::numeric_limits<std::int64_t>::max();
  bool keep_texts = false;
};

struct LoadResult {
  double duration_s = 0;        // from the first request's sending to the last answer's end
  double cpu_s = 0;             // of this process in that time
  std::vector<Answer> answers;  // in the requests' order
};

// Runs on this thread to the end of the last answer. `on_progress` hears how many have ended.
LoadResult run_load(client::Transfers& transfers, std::span<const LoadRequest> requests, const LoadPlan& plan,
                    const std::function<void(std::int64_t)>& on_progress);

}  // namespace atelier::load
