#include "sample/shortlist.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "sample/logit_scan.h"

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

// Calls each(id, logit) for the logits >= bar, in order of id, looking only into blocks that hold one.
template <class Each>
void for_each_above(std::span<const float> logits, std::span<const float> maxima, float bar, Each&& each) {
  for (std::size_t block = 0; block < maxima.size(); ++block) {
    if (maxima[block] < bar) continue;
    const std::size_t begin = block * kScanBlock, end = std::min(begin + kScanBlock, logits.size());
    for (std::size_t id = begin; id < end; ++id) {
      if (logits[id] >= bar) each(static_cast<std::int32_t>(id), logits[id]);
    }
  }
}

float nth_largest(std::vector<float> values, std::size_t k) {
  const auto kth = values.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(values.begin(), kth, values.end(), std::greater<>());
  return *kth;
}

// The k-th largest logit, 1 <= k <= logits.size(). Where there are at least k blocks, k of them hold
// something as large as the k-th largest of their maxima, so nothing smaller can be the answer.
float kth_largest(std::span<const float> logits, std::span<const float> maxima, std::size_t k) {
  const float bar = k <= maxima.size() ? nth_largest({maxima.begin(), maxima.end()}, k) : kLowest;
  std::vector<float> above;
  for_each_above(logits, maxima, bar, [&](std::int32_t, float logit) { above.push_back(logit); });
  return nth_largest(std::move(above), k);
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

void settle(Shortlist& out) {
  std::ranges::sort(out.candidates, {}, &Candidate::id);
  out.total = sum_of(out.candidates);
}

bool has_top_k(const SamplingOptions& options, std::size_t vocabulary) {
  return options.top_k > 0 && static_cast<std::size_t>(options.top_k) < vocabulary;
}

}  // namespace

bool has_bar(const SamplingOptions& options, std::size_t vocabulary) {
  return has_top_k(options, vocabulary) || options.min_p > 0.0f;
}

void select_by_bar(std::span<const float> logits, const SamplingOptions& options, Shortlist& out) {
  block_maxima(logits, out.maxima);
  const float max = *std::ranges::max_element(out.maxima);
  float bar = kLowest;
  if (has_top_k(options, logits.size())) {
    bar = kth_largest(logits, out.maxima, static_cast<std::size_t>(options.top_k));
  }
  // A weight is relative to the best token's, which is what min_p is relative to; a little below the
  // logarithm, as the weight itself decides.
  if (options.min_p > 0.0f) {
    const double least = options.temperature * std::log(double{options.min_p}) * 1.0001;
    bar = std::max(bar, static_cast<float>(max + least - 1e-6 * std::abs(max)));
  }
  out.candidates.clear();
  const double scale = 1.0 / options.temperature;
  for_each_above(logits, out.maxima, std::min(bar, max), [&](std::int32_t id, float logit) {
    const auto weight = static_cast<float>(std::exp((double{logit} - max) * scale));
    if (weight >= options.min_p) out.candidates.push_back({id, logit, weight});
  });
  if (options.top_p < 1.0f) keep_nucleus(out.candidates, options.top_p * sum_of(out.candidates));
  settle(out);
}

// Tokens that are each at most (1 - p) / n likely are together at most 1 - p likely: top_p drops them all, so
// they need not be looked at.
void select_nucleus(std::span<const float> logits, std::span<const float> weights, double total, float top_p,
                    Shortlist& out) {
  const double slack = (1.0 - top_p) * total / static_cast<double>(logits.size());
  const float least = std::min(static_cast<float>(slack * 0.999), 1.0f);
  out.candidates.clear();
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (weights[id] >= least)
      out.candidates.push_back({static_cast<std::int32_t>(id), logits[id], weights[id]});
  }
  keep_nucleus(out.candidates, top_p * total);
  settle(out);
}

std::vector<TokenLogprob> best(std::span<const float> logits, std::size_t k) {
  k = std::min(k, logits.size());
  std::vector<TokenLogprob> out;
  if (k == 0) return out;
  std::vector<float> maxima;
  block_maxima(logits, maxima);
  const float bar = kth_largest(logits, maxima, k);
  for_each_above(logits, maxima, bar, [&](std::int32_t id, float logit) { out.push_back({id, logit}); });
  std::ranges::stable_sort(out, std::greater<>(), &TokenLogprob::logprob);
  out.resize(k);
  return out;
}

}  // namespace atelier::sample
