// The Summary of a load run: vLLM's numbers, computed as vLLM computes them, and what the generator itself
// cost.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "load/load_run.h"

namespace atelier::load {

enum class Latency { kTtft, kTpot, kItl, kE2el };
inline constexpr std::array kLatencies = {Latency::kTtft, Latency::kTpot, Latency::kItl, Latency::kE2el};
const char* short_name(Latency latency);  // "ttft"

// What a good request keeps to, in milliseconds; unset: no matter.
struct Goals {
  std::optional<double> ttft_ms, tpot_ms, e2el_ms;
  bool any() const { return ttft_ms || tpot_ms || e2el_ms; }
};

struct Spread {
  double mean = 0, median = 0, std = 0;                // milliseconds, as the percentiles
  std::vector<std::pair<double, double>> percentiles;  // (99, 12.3)
};
// Of seconds. Percentiles between two values are interpolated.
Spread spread_of(std::vector<double> seconds, const std::vector<double>& percentiles);

struct Summary {
  double duration_s = 0, cpu_s = 0;
  std::int64_t completed = 0, failed = 0, input_tokens = 0, output_tokens = 0;
  bool tokens_counted = true;  // by the server, in every answer; else pieces of text were counted
  double request_throughput = 0, output_throughput = 0, total_token_throughput = 0;
  std::optional<double> request_goodput;
  double max_output_tokens_per_s = 0;        // the best second
  std::int64_t max_concurrent_requests = 0;  // in the fullest second
  std::array<Spread, kLatencies.size()> latencies;
  std::string first_error;

  const Spread& latency(Latency which) const { return latencies[static_cast<std::size_t>(which)]; }
  double cpu_share() const { return duration_s > 0 ? cpu_s / duration_s : 0; }  // of one core
};

Summary summarise(const LoadResult& result, const std::vector<double>& percentiles, const Goals& goals);

// Second by second since the first request: pieces of text that came, and requests that were open.
struct Timeline {
  std::vector<double> tokens, requests;
};
Timeline timeline_of(const std::vector<Answer>& answers);

}  // namespace atelier::load
