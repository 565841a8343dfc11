// How long a batch of equal requests takes on a decoder: a prompt's tokens per second, and an answer's.
#pragma once

#include <cstdint>

#include "model/decoder.h"
#include "model/kv_store.h"

namespace atelier::app {

struct LatencyTask {
  std::int64_t input_tokens = 512;   // of each sequence
  std::int64_t output_tokens = 128;  // of each sequence
  std::int64_t sequences = 1;        // at once
  std::int64_t depth_tokens = 0;     // in the cache of each before the measured input
};

struct Latency {
  double prefill_tokens_per_s = 0, decode_tokens_per_s = 0;  // all sequences together
};

// Blocks the task's sequences need, each in whole blocks.
std::int64_t blocks_needed(const LatencyTask& task);

// One warm-up, then repeated until 3 runs or 6 s, whichever comes first; the median. Token ids are spread
// over [0, vocabulary); every decoded token is the most likely one and is fed back.
Latency measure_latency(const LatencyTask& task, model::Decoder& decoder, model::KvStore& kv,
                        std::int32_t vocabulary);

// The task once, without a clock.
void run_once(const LatencyTask& task, model::Decoder& decoder, model::KvStore& kv, std::int32_t vocabulary);

}  // namespace atelier::app
