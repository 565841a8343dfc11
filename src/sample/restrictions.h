// Restrictions are what a client forbids or favours outright: tokens that may be chosen, words that may not,
// an answer's least length, a bias on single tokens. Immutable once made; all answers of a request share one.
//
// Order (vLLM's), before penalties and temperature: allowed ids, banned words, the least length, bias. What
// is forbidden gets minus infinity, which no bias and no penalty lifts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atelier::sample {

struct LogitBias {
  std::int32_t id;
  float bias;  // added to the logit
};

struct Restrictions {
  std::vector<std::int32_t> allowed = {};              // empty = all
  std::vector<std::vector<std::int32_t>> banned = {};  // words: the last id is refused after the others
  std::vector<LogitBias> bias = {};
  std::int64_t min_tokens = 0;          // of output; before, none of `held` is chosen
  std::vector<std::int32_t> held = {};  // what would end the answer

  bool none() const { return allowed.empty() && banned.empty() && bias.empty() && min_tokens == 0; }
};

// True: something is left to choose. `output`: the answer so far. All ids must be below logits.size().
bool apply(const Restrictions& restrictions, std::span<const std::int32_t> output, std::span<float> logits);

}  // namespace atelier::sample
