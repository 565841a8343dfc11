// A GenerationWatch follows one generation for the metrics, from the side of the client it is told to: what
// it was told and when, and how it ended. It is counted exactly once; let go before its end, as aborted.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/generation.h"
#include "observe/metrics.h"

namespace atelier::observe {

// One thread at a time.
class GenerationWatch {
 public:
  struct Terms {
    std::int64_t prompt_tokens = 0, max_tokens = 0;
  };
  GenerationWatch(std::shared_ptr<Metrics> metrics, Terms terms)
      : metrics_(std::move(metrics)), terms_(terms) {}
  ~GenerationWatch() { ended("abort"); }
  GenerationWatch(const GenerationWatch&) = delete;
  GenerationWatch& operator=(const GenerationWatch&) = delete;

  void took(const engine::GenerationUpdate& update);  // from the engine
  void told(std::int64_t tokens);                     // to the client, now
  void ended(std::string_view reason);                // stop, length, abort, error; the first call counts

  // As far as known.
  const engine::GenerationFacts& facts() const { return facts_; }
  std::int64_t tokens() const { return tokens_; }

 private:
  const std::shared_ptr<Metrics> metrics_;
  const Terms terms_;
  engine::GenerationFacts facts_;
  engine::GenerationFacts::Time last_told_;
  std::int64_t tokens_ = 0;
  bool begun_ = false, engine_ended_ = false, counted_ = false, over_ = false;  // counted: that it has begun
};

}  // namespace atelier::observe
