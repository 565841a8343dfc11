// A Sampler chooses one sequence's next token from its logits, and says how likely it was.
//
// Order (vLLM's): restrictions, repetition penalty over prompt and output, frequency and presence over the
// output, temperature, min_p, top_k, top_p, a draw. Temperature 0 takes the best after the penalties, the
// lowest id among equals. Only real ids are ever chosen: rows at and beyond `vocabulary` are padding.
// Log-probabilities are those of the model itself: the log-softmax of the raw logits, before all of these.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "sample/penalties.h"
#include "sample/sampling_options.h"
#include "sample/shortlist.h"

namespace atelier::sample {

// The token chosen; the rest of its score only where logprobs were asked for.
using Choice = TokenScore;

// Memory for one pick at a time; all samplers of a thread share one.
struct SamplerScratch {
  std::vector<float> adjusted, weights;
  std::vector<double> block_sums;  // of weights, see logit_scan.h
  Shortlist shortlist;
};

// One thread at a time.
class Sampler {
 public:
  // Ids of the prompt lie in [0, vocabulary). Without a seed a random one is drawn.
  Sampler(const SamplingOptions& options, std::span<const std::int32_t> prompt, std::int32_t vocabulary);

  // logits: [rows], rows >= vocabulary. kInternal where they hold NaN or infinity, kBadRequest where the
  // restrictions leave nothing to choose. The choice counts as output from now on.
  Result<Choice> pick(std::span<const float> logits, SamplerScratch& scratch);

 private:
  Result<std::int32_t> choose(std::span<const float> logits, SamplerScratch& scratch) const;

  SamplingOptions options_;
  std::int32_t vocabulary_;
  Penalties penalties_;
  std::uint64_t seed_;
  std::uint64_t position_ = 0;        // tokens of output so far
  std::vector<std::int32_t> output_;  // they themselves, where restrictions look at them
};

// The distribution pick draws from, one probability per logit: for tests and tools.
Result<std::vector<double>> probabilities(std::span<const float> logits, const SamplingOptions& options,
                                          std::span<const std::int32_t> prompt,
                                          std::span<const std::int32_t> output);

}  // namespace atelier::sample
