// A LatencyReport is what `bench latency` measured: rounds of speeds, each with the machine's limit measured
// beside it, as shared machines drift from minute to minute.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "app/latency.h"
#include "plan/step_cost.h"

namespace atelier::app {

struct LatencyRound {
  double read_bytes_per_s = 0;       // of memory, just before the decode
  double decode_tokens_per_s = 0;    // all sequences together
  double peak_operations_per_s = 0;  // of the unit, just before the prefill; 0 where none is known
  double prefill_tokens_per_s = 0;   // all sequences together
};

struct LatencyReport {
  LatencyTask task;
  plan::StepCost cost;
  std::vector<LatencyRound> rounds;  // one at least
  std::string unit;                  // that forms most products: "int8 amx"; "" for the scalar table
  std::string isa, compute;
  int threads = 0;
  double load_s = 0, first_token_s = 0;          // the latter from the start of the process
  std::int64_t peak_rss_bytes = 0;               // before the limits were first measured
  std::int64_t weights_bytes = 0, kv_bytes = 0;  // packed; of the measured task

  double prefill_tokens_per_s() const;  // medians over the rounds
  double decode_tokens_per_s() const;
  double decode_bandwidth_share() const;  // the median of each round's own share
  double prefill_peak_share() const;
};

boost::json::object to_json(const LatencyReport& report);
void print_lines(const LatencyReport& report);

}  // namespace atelier::app
