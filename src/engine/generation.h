// A Generation is a client's job: a prompt and how to continue it. The client holds a GenerationHandle;
// tokens come through it, and it ends exactly once, with its true reason. Letting the handle go cancels the
// job.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sample/sampling_options.h"
#include "sample/token_score.h"

namespace atelier::engine {

struct GenerationRequest {
  std::vector<std::int32_t> prompt;  // token ids; not empty
  sample::SamplingOptions sampling;
  std::int64_t max_tokens = 128;       // of output
  std::vector<std::int32_t> stop_ids;  // each ends the generation and is not delivered
  bool ignore_eos = false;             // stop_ids are ignored
  std::uint64_t tenant = 0;            // opaque: fair share knows numbers, not names
  double weight = 1.0;
  std::int32_t priority = 0;    // lower is served earlier, where the engine goes by it
  std::string cache_salt = {};  // generations of different salts share no cached prefix; any bytes
  std::int32_t adapter = -1;    // -1: the base model
  // The length that other generations may carry this one's tokens to, where that is more than its own: as
  // far as that its positions must mean the same (beams).
  std::int64_t reach_tokens = 0;
  // -1 = none; K = the prompt's tokens are scored, each with the K best in its place
  std::int32_t prompt_logprobs = -1;
};

enum class FinishReason { kStop, kLength, kCancelled, kFailed };

struct TokenEvent {
  std::int32_t id;
  float logprob = 0;                      // of `id`, natural log; only where logprobs were asked for
  std::vector<sample::TokenLogprob> top;  // the K best, best first
};

// What became of a generation on its way: for clients' timings and the server's metrics.
struct GenerationFacts {
  using Time = std::chrono::steady_clock::time_point;  // Time{} = it never came to that
  Time arrived = {}, admitted = {}, first_token = {}, last_token = {};
  std::int64_t cached_tokens = 0;  // of the prompt, found in the prefix cache
  std::int64_t preemptions = 0;    // times it had to wait again, for want of KV blocks
};

struct GenerationEnd {
  FinishReason reason;
  std::int32_t stop_id = -1;       // the id that stopped it
  float stop_logprob = 0;          // its own; only where logprobs were asked for
  std::string error = {};          // kFailed: what happened
  Fault fault = Fault::kInternal;  // kFailed: whose doing
  GenerationFacts facts = {};
};

// What has arrived since the last look.
struct GenerationUpdate {
  // Of the prompt's tokens but the first, in order, before any token of the answer.
  std::vector<sample::TokenScore> prompt;
  std::vector<TokenEvent> tokens;
  std::optional<GenerationFacts> begun = {};  // once, when the first token has come
  std::optional<GenerationEnd> end;
};

// One consumer thread at a time; the engine thread feeds it.
class GenerationHandle {
 public:
  virtual ~GenerationHandle() = default;  // cancels what has not ended
  virtual GenerationUpdate take() = 0;    // never blocks; empty if nothing came
  virtual GenerationUpdate wait() = 0;    // blocks until something came; after the end: the end again
  // Called from the engine thread whenever take() would return something new, and at once on this thread
  // where something already waits. It must not block, throw or destroy the handle.
  virtual void on_update(std::function<void()> wake) = 0;
  virtual void cancel() = 0;  // ends with kCancelled within two steps
};

}  // namespace atelier::engine
