// Metrics are what /metrics tells: the engine's state and totals, and histograms of what became of requests,
// under vLLM's names, labels and buckets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace atelier::observe {

struct MetricsTerms {
  std::string model_name;
  engine::EngineConfig engine;
  std::int64_t block_tokens = 0;
  std::string kv_dtype;                              // "f16"
  std::function<engine::EngineStats()> stats;        // any thread; called when somebody asks
  std::function<std::int64_t()> spans_dropped = {};  // of traces; none = no traces are sent
};

// What is known of one generation when it ends.
struct GenerationRecord {
  std::string_view reason;  // stop, length, abort, error
  std::int64_t prompt_tokens = 0, output_tokens = 0, max_tokens = 0;
  engine::GenerationFacts facts;
  engine::GenerationFacts::Time ended;
};

struct HttpRecord {
  std::string_view handler;  // the route's path, "none" for what is no route
  std::string_view method;
  int status = 0;
  double seconds = 0;
  std::size_t request_bytes = 0, response_bytes = 0;
};

// Any thread. Observing takes short locks of its own histograms and sums, and nothing that all share.
class Metrics {
 public:
  explicit Metrics(MetricsTerms terms);
  ~Metrics();

  void request_begun(std::int64_t choices, std::int64_t max_tokens);
  // Tokens told to a client, `seconds` after the ones before them; the first ones tell the prompt as well.
  void first_tokens(std::int64_t tokens, std::int64_t prompt_tokens, const engine::GenerationFacts& facts);
  void more_tokens(std::int64_t tokens, double seconds);
  void generation_ended(const GenerationRecord& record);
  void http_answered(const HttpRecord& record);

  // Prometheus' text format, 0.0.4.
  std::string text() const;

 private:
  struct Families;
  const MetricsTerms terms_;
  std::unique_ptr<Families> families_;
};

}  // namespace atelier::observe
