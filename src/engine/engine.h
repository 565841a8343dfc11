// The Engine runs generations: one thread owns the step loop, many sequences share each batch. Clients submit
// from any thread and read their handles; the two sides meet in two queues and nowhere else.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "engine/generation.h"
#include "engine/speculation.h"
#include "engine/step_sizes.h"
#include "model/decoder.h"

namespace atelier::engine {

struct EngineConfig {
  std::int64_t max_sequences = 32;  // running at once
  std::int64_t max_model_len = 0;   // tokens of prompt + output of one sequence
  // Up to here a sequence is turned as the model declares; one that may grow longer, by its long_rope from
  // the first token on. 0 = max_model_len.
  std::int64_t native_len = 0;
  std::int64_t max_batch_tokens = 512;  // prompt tokens entering one step
  std::int64_t kv_blocks = 0;           // of kernels::kBlockTokens tokens
  // Beyond these: kOverloaded. Generations accepted and not yet ended; tokens of their prompts not yet
  // computed.
  std::int64_t max_requests = 4096;
  std::int64_t max_queued_tokens = std::int64_t{1} << 22;
  std::int64_t max_prompt_tokens_each = 0;  // of one prompt entering one step; 0 = as there is room
  double step_target_s = 0.25;  // of a step, while somebody generates: the bound on their inter-token time
  bool prefix_cache = true;
  std::int64_t max_drafts = 4;  // tokens guessed at a time, with a drafter
  bool by_priority = false;     // GenerationRequest::priority goes before the order of arrival
  std::int32_t vocabulary = 0;  // real ids; padding rows above are never produced
};

struct EngineStats {
  std::int64_t running = 0, waiting = 0;
  std::int64_t blocks_used = 0, blocks_total = 0;
  std::int64_t queued_tokens = 0;  // of prompts, not yet computed
  // Since the start. prompt_tokens: computed; those found in the cache are prefix_hits.
  std::int64_t prompt_tokens = 0, generated_tokens = 0, finished = 0, steps = 0;
  std::int64_t prefix_queries = 0, prefix_hits = 0;  // tokens
  std::int64_t preemptions = 0, recomputed_tokens = 0;
  SpeculationCounts speculation;
  StepSizes step_sizes;
};

class Engine {
 public:
  // The decoder must outlive the engine and is used by the engine's thread alone from now on.
  // drafter: guesses for speculative decoding; null = none.
  Engine(model::Decoder& decoder, EngineConfig config, std::unique_ptr<Drafter> drafter = nullptr);
  ~Engine();  // cancels what runs, joins the thread

  // kTooLong: prompt (+ 1) over max_model_len; kBadRequest: empty prompt, ids out of range; kOverloaded:
  // queue full or draining. max_tokens is clamped to what the context still holds.
  Result<std::unique_ptr<GenerationHandle>> submit(GenerationRequest request);

  Status room() const;        // kOverloaded: as things stand, submit would refuse for want of a place
  void drain();               // accept no more; returns when everything accepted has ended
  EngineStats stats() const;  // any thread
  const EngineConfig& config() const { return config_; }

 private:
  class Loop;
  EngineConfig config_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace atelier::engine
