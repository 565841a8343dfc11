// A Shortlist is what min_p, top_k and top_p leave of a row of logits, in vLLM's order: min_p, then top_k
// (all ties with the k-th stay), then top_p of what is left. Nothing is sorted: thresholds are found by
// partial selection, so a row of 150,000 costs a few passes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sample/sampling_options.h"

namespace atelier::sample {

struct Candidate {
  std::int32_t id;
  float logit;
  float weight;  // exp(logit - max)
};

struct Shortlist {
  std::vector<Candidate> candidates;
  double total = 0;  // of their weights
};

// Does any of the three filters bite?
bool has_filters(const SamplingOptions& options, std::size_t vocabulary);

// `logits` penalised and divided by the temperature, finite; `weights` their exponentials (logit_scan.h),
// summing to `total`. Reuses the memory of `out`.
void select(std::span<const float> logits, std::span<const float> weights, double total,
            const SamplingOptions& options, Shortlist& out);

// The k-th largest value, 1 <= k <= logits.size().
float kth_largest(std::span<const float> logits, std::size_t k);

// The k best, best first, the lower id first among equals.
std::vector<TokenLogprob> best(std::span<const float> logits, std::size_t k);

}  // namespace atelier::sample
