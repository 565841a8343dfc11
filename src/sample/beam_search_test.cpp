#include "sample/beam_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace atelier::sample {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr std::int32_t kIds = 4, kEnd = 0;

// A made-up model: what follows depends on everything before it.
std::vector<TokenLogprob> next_tokens(const Ids& before, unsigned seed) {
  std::uint32_t hash = seed * 2654435761u + 17;
  for (const std::int32_t id : before) hash = (hash ^ static_cast<std::uint32_t>(id + 1)) * 16777619u;
  std::mt19937 random(hash);
  std::normal_distribution<double> normal(0.0, 2.0);
  std::vector<double> logits(kIds);
  double sum = 0;
  for (double& logit : logits) sum += std::exp(logit = normal(random));
  std::vector<TokenLogprob> out;
  for (std::int32_t id = 0; id < kIds; ++id)
    out.push_back({id, static_cast<float>(logits[static_cast<std::size_t>(id)] - std::log(sum))});
  std::ranges::stable_sort(out, std::greater<>(), &TokenLogprob::logprob);
  return out;
}

Ids ids_of(const Beam& beam) {
  Ids ids;
  for (const Beam::Token& token : beam.tokens) ids.push_back(token.id);
  if (beam.end_id >= 0) ids.push_back(beam.end_id);
  return ids;
}

std::vector<Beam> search(const BeamOptions& options, unsigned seed, std::int64_t* steps = nullptr) {
  BeamSearch search(options);
  std::int64_t count = 0;
  for (; !search.done(); ++count) {
    std::vector<std::vector<TokenLogprob>> next;
    for (const Beam& beam : search.live()) {
      next.push_back(next_tokens(ids_of(beam), seed));
      if (std::ssize(next.back()) > options.candidates())
        next.back().resize(static_cast<std::size_t>(options.candidates()));
    }
    search.advance(next);
  }
  if (steps != nullptr) *steps = count;
  return search.best();
}

struct Whole {
  Ids ids;
  double score;
};

// Every answer there is, best first.
std::vector<Whole> all_answers(const BeamOptions& options, unsigned seed) {
  std::vector<Whole> out;
  const std::function<void(Ids&, double)> extend = [&](Ids& ids, double logprob) {
    for (const TokenLogprob& token : next_tokens(ids, seed)) {
      ids.push_back(token.id);
      const bool ends = token.id == kEnd;
      const auto tokens = options.prompt_tokens + std::ssize(ids) - ends;
      const double sum = logprob + token.logprob;
      if (ends || std::ssize(ids) == options.max_tokens) {
        out.push_back({ids, sum / std::pow(static_cast<double>(tokens), options.length_penalty)});
      } else {
        extend(ids, sum);
      }
      ids.pop_back();
    }
  };
  Ids ids;
  extend(ids, 0);
  std::ranges::stable_sort(out, std::greater<>(), &Whole::score);
  return out;
}

// So wide that nothing is ever left out: the search has to find the best there are.
TEST(BeamSearch, WideEnoughItFindsTheBestOfAll) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    for (const double length_penalty : {1.0, 0.0, 2.0, -1.0}) {
      const BeamOptions options{.width = 64,
                                .length_penalty = length_penalty,
                                .prompt_tokens = 3,
                                .max_tokens = 4,
                                .end_ids = {kEnd}};
      const auto found = search(options, seed);
      const auto all = all_answers(options, seed);
      ASSERT_EQ(found.size(), 64u);
      for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_EQ(ids_of(found[i]), all[i].ids) << "seed " << seed << " place " << i;
    }
  }
}

TEST(BeamSearch, OneBeamIsGreedyUntilAnEndIsLikelier) {
  const BeamOptions options{.width = 1, .prompt_tokens = 1, .max_tokens = 5};  // nothing ends it
  for (unsigned seed = 0; seed < 20; ++seed) {
    Ids greedy;
    for (int i = 0; i < 5; ++i) greedy.push_back(next_tokens(greedy, seed).front().id);
    EXPECT_EQ(ids_of(search(options, seed).at(0)), greedy);
  }
}

TEST(BeamSearch, StopsEarlyOnlyWhereNothingCanChange) {
  bool stopped_early = false;
  for (unsigned seed = 0; seed < 50; ++seed) {
    BeamOptions options{
        .width = 2, .length_penalty = 0, .prompt_tokens = 1, .max_tokens = 7, .end_ids = {kEnd}};
    std::int64_t steps = 0;
    const auto found = search(options, seed, &steps);
    stopped_early |= steps < options.max_tokens;
    // the same search, driven to its end by hand
    std::vector<Beam> live(1), complete;
    const auto keep = [](std::vector<Beam>& beams) {
      std::ranges::stable_sort(beams, std::greater<>(), &Beam::logprob);
      if (beams.size() > 2) beams.resize(2);
    };
    for (int step = 0; step < 7; ++step) {
      std::vector<Beam> grown;
      for (const Beam& beam : live) {
        for (const TokenLogprob& token : next_tokens(ids_of(beam), seed)) {
          Beam longer = beam;
          longer.logprob += token.logprob;
          if (token.id == kEnd) longer.end_id = token.id;
          if (token.id != kEnd) longer.tokens.push_back({token.id, token.logprob, {}});
          (token.id == kEnd ? complete : grown).push_back(std::move(longer));
        }
      }
      live = std::move(grown);
      keep(live);
    }
    complete.insert(complete.end(), live.begin(), live.end());
    keep(complete);
    ASSERT_EQ(found.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(ids_of(found[i]), ids_of(complete[i])) << seed;
  }
  EXPECT_TRUE(stopped_early);
}

}  // namespace
}  // namespace atelier::sample
