// A Shortlist is what min_p, top_k and top_p leave of a row of logits, in vLLM's order: min_p, then top_k
// (all ties with the k-th stay), then top_p of what is left. Nothing is sorted: thresholds are found by
// partial selection and by the largest of each block, so a row of 150,000 costs a pass or two.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sample/sampling_options.h"
#include "sample/token_score.h"

namespace atelier::sample {

struct Candidate {
  std::int32_t id;
  float logit;
  float weight;  // exp((logit - largest) / temperature)
};

// Reused from row to row: its memory stays.
struct Shortlist {
  std::vector<Candidate> candidates;  // in order of id
  double total = 0;                   // of their weights
  std::vector<float> maxima;          // scratch
};

// top_k or min_p: the least logit that stays is known before any exponential.
bool has_bar(const SamplingOptions& options, std::size_t vocabulary);

// For options with a bar. `logits` penalised, not yet divided by the temperature, finite.
void select_by_bar(std::span<const float> logits, const SamplingOptions& options, Shortlist& out);

// For top_p alone: `weights` are the exponentials of all logits, summing to `total`.
void select_nucleus(std::span<const float> logits, std::span<const float> weights, double total, float top_p,
                    Shortlist& out);

// The k best, best first, the lower id first among equals.
std::vector<TokenLogprob> best(std::span<const float> logits, std::size_t k);

}  // namespace atelier::sample
