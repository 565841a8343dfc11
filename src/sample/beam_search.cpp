#include "sample/beam_search.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/check.h"

namespace atelier::sample {
namespace {

double length_scale(std::int64_t tokens, double length_penalty) {
  return std::pow(static_cast<double>(tokens), length_penalty);
}

}  // namespace

void BeamSearch::advance(std::vector<std::vector<TokenLogprob>> next) {
  ATELIER_CHECK(next.size() == live_.size() && !done());
  std::vector<Step> steps;
  std::vector<Beam::Candidates> candidates;
  for (std::size_t i = 0; i < live_.size(); ++i) {
    candidates.push_back(std::make_shared<const std::vector<TokenLogprob>>(std::move(next[i])));
    for (const TokenLogprob& token : *candidates[i]) {
      const Step step{i, token, live_[i].logprob + token.logprob};
      const bool ends = std::ranges::count(options_.end_ids, token.id) > 0;
      ends ? complete(step) : steps.push_back(step);
    }
  }
  // All are of one length: the likeliest are the best by score, whatever the penalty.
  std::ranges::stable_sort(steps, std::greater<>(), &Step::logprob);
  if (std::ssize(steps) > options_.width) steps.resize(static_cast<std::size_t>(options_.width));
  std::vector<Beam> grown;
  for (const Step& step : steps) {
    Beam& beam = grown.emplace_back(live_[step.beam]);
    beam.tokens.push_back({step.token.id, step.token.logprob, candidates[step.beam]});
    beam.logprob = step.logprob;
  }
  live_ = std::move(grown);
  complete_ = ranked(std::move(complete_));  // more than `width` of them cannot matter
  ++steps_;
}

void BeamSearch::complete(const Step& step) {
  Beam& beam = complete_.emplace_back(live_[step.beam]);
  beam.logprob = step.logprob;
  beam.end_id = step.token.id;
  beam.end_logprob = step.token.logprob;
}

bool BeamSearch::done() const {
  if (live_.empty() || steps_ == options_.max_tokens) return true;
  if (std::ssize(complete_) < options_.width) return false;
  const double bar = score(complete_.back());
  return std::ranges::none_of(live_, [&](const Beam& beam) { return most_it_can_reach(beam) > bar; });
}

std::vector<Beam> BeamSearch::best() const {
  std::vector<Beam> all = complete_;
  all.insert(all.end(), live_.begin(), live_.end());
  return ranked(std::move(all));
}

double BeamSearch::score(const Beam& beam) const {
  return beam.logprob /
         length_scale(options_.prompt_tokens + std::ssize(beam.tokens), options_.length_penalty);
}

// Its log-probability can only fall: at best it stays, over the length that suits it best.
double BeamSearch::most_it_can_reach(const Beam& beam) const {
  const double longest = length_scale(options_.prompt_tokens + options_.max_tokens, options_.length_penalty);
  return std::max(score(beam), beam.logprob / longest);
}

// The `width` best, best first; among equals the earlier.
std::vector<Beam> BeamSearch::ranked(std::vector<Beam> beams) const {
  std::ranges::stable_sort(beams, std::greater<>(), [this](const Beam& beam) { return score(beam); });
  if (std::ssize(beams) > options_.width) beams.resize(static_cast<std::size_t>(options_.width));
  return beams;
}

}  // namespace atelier::sample
