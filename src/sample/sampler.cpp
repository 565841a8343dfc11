#include "sample/sampler.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/check.h"
#include "sample/logit_scan.h"
#include "sample/philox.h"

namespace atelier::sample {

namespace {

constexpr float kGreedyBelow = 1e-5f;  // a temperature that small is 0, as in vLLM

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

// The logits themselves, or where there are restrictions or penalties an adjusted copy in the scratch.
Result<std::span<const float>> adjust(std::span<const float> logits, const Restrictions* restrictions,
                                      std::span<const std::int32_t> output, const Penalties& penalties,
                                      SamplerScratch& scratch) {
  if (restrictions == nullptr && !penalties.active()) return logits;
  scratch.adjusted.assign(logits.begin(), logits.end());
  if (restrictions != nullptr && !apply(*restrictions, output, scratch.adjusted)) {
    return fail(Fault::kBadRequest,
                "after {} tokens nothing is left to choose: allowed_token_ids, bad_words and min_tokens "
                "together forbid every token",
                output.size());
  }
  if (penalties.active()) penalties.apply(scratch.adjusted);
  return scratch.adjusted;
}

// The weights of all tokens after the temperature into the scratch; returns their sum.
double weigh_all(std::span<const float> logits, float temperature, SamplerScratch& scratch) {
  scratch.weights.resize(logits.size());
  scratch.block_sums.resize((logits.size() + kScanBlock - 1) / kScanBlock);
  return exponentials(logits, {.max = largest(logits), .scale = 1.0f / temperature}, scratch.weights,
                      scratch.block_sums);
}

// Filters and weighs adjusted logits. True: the scratch's shortlist holds what is left; false: nothing is
// filtered, its weights hold all, and `total` their sum.
bool shorten(std::span<const float> logits, const SamplingOptions& options, SamplerScratch& scratch,
             double& total) {
  if (has_bar(options, logits.size())) {
    select_by_bar(logits, options, scratch.shortlist);
    return true;
  }
  total = weigh_all(logits, options.temperature, scratch);
  if (options.top_p >= 1.0f) return false;
  select_nucleus(logits, scratch.weights, total, options.top_p, scratch.shortlist);
  return true;
}

// The first whose running sum passes `target`; rounding at the very end takes the last with any weight.
std::int32_t draw_listed(const Shortlist& shortlist, double target) {
  std::int32_t chosen = -1;
  for (const Candidate& candidate : shortlist.candidates) {
    if (candidate.weight <= 0) continue;
    chosen = candidate.id;
    target -= candidate.weight;
    if (target < 0) break;
  }
  return chosen;
}

// As draw_listed over the whole vocabulary: block sums lead to the block, then its weights to the token.
std::int32_t draw_any(const SamplerScratch& scratch, double target) {
  std::size_t chosen_block = 0;
  double at_block = target;
  for (std::size_t block = 0; block < scratch.block_sums.size(); ++block) {
    if (scratch.block_sums[block] <= 0) continue;
    chosen_block = block;
    at_block = target;
    target -= scratch.block_sums[block];
    if (target < 0) break;
  }
  const std::size_t begin = chosen_block * kScanBlock;
  const std::size_t end = std::min(begin + kScanBlock, scratch.weights.size());
  std::int32_t chosen = -1;
  for (std::size_t id = begin; id < end; ++id) {
    if (scratch.weights[id] <= 0) continue;
    chosen = static_cast<std::int32_t>(id);
    at_block -= scratch.weights[id];
    if (at_block < 0) break;
  }
  return chosen;
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, std::span<const std::int32_t> prompt,
                 std::int32_t vocabulary)
    : options_(options),
      vocabulary_(vocabulary),
      penalties_(options, prompt),
      seed_(options.seed ? *options.seed : random_seed()) {}

Result<Choice> Sampler::pick(std::span<const float> logits, SamplerScratch& scratch) {
  ATELIER_CHECK(vocabulary_ > 0 && std::ssize(logits) >= vocabulary_);
  ATELIER_TRY_STATUS(check_finite(logits));
  const std::span<const float> real = logits.first(static_cast<std::size_t>(vocabulary_));
  ATELIER_TRY(const std::int32_t id, choose(real, scratch));
  Choice choice{.id = id};
  ATELIER_CHECK(choice.id >= 0);
  if (options_.logprobs >= 0) choice = score(logits, vocabulary_, id, options_.logprobs);
  penalties_.saw(choice.id);
  if (options_.restrictions) output_.push_back(choice.id);
  ++position_;
  return choice;
}

Result<std::int32_t> Sampler::choose(std::span<const float> logits, SamplerScratch& scratch) const {
  ATELIER_TRY(const std::span<const float> adjusted,
              adjust(logits, options_.restrictions.get(), output_, penalties_, scratch));
  if (options_.temperature < kGreedyBelow) return argmax(adjusted);
  const double uniform = philox_uniform(seed_, position_);
  double total = 0;
  if (!shorten(adjusted, options_, scratch, total)) return draw_any(scratch, uniform * total);
  return draw_listed(scratch.shortlist, uniform * scratch.shortlist.total);
}

Result<std::vector<double>> probabilities(std::span<const float> logits, const SamplingOptions& options,
                                          std::span<const std::int32_t> prompt,
                                          std::span<const std::int32_t> output) {
  ATELIER_CHECK(!logits.empty());
  ATELIER_TRY_STATUS(check_finite(logits));
  Penalties penalties(options, prompt);
  for (const std::int32_t id : output) penalties.saw(id);
  SamplerScratch scratch;
  ATELIER_TRY(const std::span<const float> adjusted,
              adjust(logits, options.restrictions.get(), output, penalties, scratch));
  std::vector<double> out(logits.size(), 0.0);
  double total = 0;
  if (options.temperature < kGreedyBelow) {
    out[argmax(adjusted)] = 1.0;
  } else if (shorten(adjusted, options, scratch, total)) {
    for (const Candidate& candidate : scratch.shortlist.candidates) {
      out[candidate.id] = candidate.weight / scratch.shortlist.total;
    }
  } else {
    for (std::size_t id = 0; id < out.size(); ++id) out[id] = scratch.weights[id] / total;
  }
  return out;
}

}  // namespace atelier::sample
