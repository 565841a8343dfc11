#include "sample/shortlist.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace atelier::sample {

namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

bool better(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

double sum_of(std::span<const Candidate> candidates) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += candidate.weight;
  return sum;
}

// Keeps the fewest best candidates whose weights reach `target`, at least one. Quickselect on running sums:
// invariant: those before `low` stay below the target, those before `high` reach it (or are all there are).
void keep_nucleus(std::vector<Candidate>& candidates, double target) {
  std::size_t low = 0, high = candidates.size();
  double before = 0;  // weight of [0, low)
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    const auto at = [&](std::size_t i) { return candidates.begin() + static_cast<std::ptrdiff_t>(i); };
    std::nth_element(at(low), at(middle), at(high), better);
    const double upper = sum_of(std::span(candidates).subspan(low, middle - low));
    if (before + upper >= target) {
      high = middle;
    } else {
      before += upper;
      low = middle;
    }
  }
  candidates.resize(high);
}

}  // namespace

bool has_filters(const SamplingOptions& options, std::size_t vocabulary) {
  const bool top_k = options.top_k > 0 && static_cast<std::size_t>(options.top_k) < vocabulary;
  return top_k || options.top_p < 1.0f || options.min_p > 0.0f;
}

void select(std::span<const float> logits, std::span<const float> weights, double total,
            const SamplingOptions& options, Shortlist& out) {
  const auto k = static_cast<std::size_t>(std::max(options.top_k, 0));
  const bool has_top_k = k > 0 && k < logits.size();
  const float least_logit = has_top_k ? kth_largest(logits, k) : kLowest;
  // Weights are relative to the best token's, which is what min_p is relative to.
  float least_weight = std::max(options.min_p, 0.0f);
  // All tokens that are each at most (1 - p) / n likely are together at most 1 - p likely: top_p drops them
  // all, so they need not be looked at. With the other filters the total shrinks, so the bound must wait.
  if (options.top_p < 1.0f && !has_top_k && options.min_p <= 0) {
    const double slack = (1.0 - options.top_p) * total / static_cast<double>(logits.size());
    least_weight = std::min(static_cast<float>(slack * 0.999), 1.0f);
  }
  out.candidates.clear();
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] >= least_logit && weights[id] >= least_weight) {
      out.candidates.push_back({static_cast<std::int32_t>(id), logits[id], weights[id]});
    }
  }
  if (options.top_p < 1.0f) {
    const double all = has_top_k || options.min_p > 0 ? sum_of(out.candidates) : total;
    keep_nucleus(out.candidates, options.top_p * all);
  }
  std::ranges::sort(out.candidates, {}, &Candidate::id);
  out.total = sum_of(out.candidates);
}

// Keeps a buffer of a few k; whenever it is full, all but the k largest are forgotten and the k-th is the bar
// for what comes.
float kth_largest(std::span<const float> logits, std::size_t k) {
  std::vector<float> buffer;
  const std::size_t room = 4 * k + 256;
  buffer.reserve(std::min(room, logits.size()));
  float bar = kLowest;
  bool has_bar = false;
  const auto shrink = [&] {
    const auto kth = buffer.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(buffer.begin(), kth, buffer.end(), std::greater<>());
    bar = *kth;
    buffer.resize(k);
    has_bar = true;
  };
  for (const float x : logits) {
    if (has_bar && x <= bar) continue;
    buffer.push_back(x);
    if (buffer.size() == room) shrink();
  }
  shrink();
  return bar;
}

std::vector<TokenLogprob> best(std::span<const float> logits, std::size_t k) {
  k = std::min(k, logits.size());
  std::vector<TokenLogprob> out;
  if (k == 0) return out;
  const float bar = kth_largest(logits, k);
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] >= bar) out.push_back({static_cast<std::int32_t>(id), logits[id]});
  }
  std::ranges::stable_sort(out, std::greater<>(), &TokenLogprob::logprob);
  out.resize(k);
  return out;
}

}  // namespace atelier::sample
