// How long a batch of equal requests takes on a decoder, phase by phase: its prompts, its answers.
#pragma once

#include <cstdint>
#include <memory>

#include "model/decoder.h"
#include "model/kv_store.h"

namespace atelier::app {

struct LatencyTask {
  std::int64_t input_tokens = 512;   // of each sequence
  std::int64_t output_tokens = 128;  // of each sequence
  std::int64_t sequences = 1;        // at once
  std::int64_t depth_tokens = 0;     // in the cache of each before the measured input
};

// Blocks the task's sequences need, each in whole blocks.
std::int64_t blocks_needed(const LatencyTask& task);

// One task on one decoder. Token ids are spread over [0, vocabulary); every decoded token is the most likely
// one and is fed back. The phases may be repeated in any order once warm_up has run.
class LatencyRun {
 public:
  // `kv` holds blocks_needed(task) blocks at least; it and the decoder must outlive the run.
  LatencyRun(const LatencyTask& task, model::Decoder& decoder, model::KvStore& kv, std::int32_t vocabulary);
  ~LatencyRun();

  // Fills the caches to the task's depth, then each phase once, shortly.
  void warm_up();
  double prefill_seconds();  // the inputs of all sequences
  double decode_seconds();   // the outputs of all sequences

 private:
  class Batch;
  LatencyTask task_;
  std::unique_ptr<Batch> batch_;
};

}  // namespace atelier::app
