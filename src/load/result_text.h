// A load run's summary for a person (vLLM's block) and for programs (vLLM's JSON fields).
#pragma once

#include <boost/json/object.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "load/summary.h"

namespace atelier::load {

struct ShownRun {
  std::vector<Latency> latencies = {Latency::kTtft, Latency::kTpot, Latency::kItl};
  std::int64_t max_concurrency = 0;  // 0: no bound
  double requests_per_s = 0;         // 0: all at once
};

// The block that ends "vllm bench serve", and one line of the generator's own cost. In colour where `stream`
// wants it.
std::string result_text(const Summary& summary, const ShownRun& shown, std::FILE* stream);

// Of the summary, and where `answers` is given of each request too.
boost::json::object result_json(const Summary& summary, const ShownRun& shown,
                                const std::vector<Answer>* answers);

}  // namespace atelier::load
