// A BeamSearch keeps the likeliest beginnings of an answer side by side, by vLLM's rules: each live beam is
// gone on with by its 2 x width likeliest tokens; those that end the answer complete it, of the others the
// `width` likeliest live on; and at the end complete and live ones are compared. There is no early stopping
// that could change the outcome: it is done before max_tokens only where no live beam can still win.
//
// A beam's score is its log-probability / (tokens of prompt and answer) ^ length_penalty; what ended it
// counts in the sum and not in the length. Log-probabilities are the model's own, without temperature or
// penalties.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sample/token_score.h"

namespace atelier::sample {

struct BeamOptions {
  int width = 1;
  double length_penalty = 1.0;
  std::int64_t prompt_tokens = 1;
  std::int64_t max_tokens = 1;
  std::vector<std::int32_t> end_ids = {};

  // How many of the likeliest tokens advance() needs of each beam.
  std::int32_t candidates() const { return 2 * width; }
};

struct Beam {
  using Candidates = std::shared_ptr<const std::vector<TokenLogprob>>;
  struct Token {
    std::int32_t id = -1;
    float logprob = 0;
    Candidates candidates = {};  // in its place, best first
  };
  std::vector<Token> tokens = {};
  double logprob = 0;  // of all tokens, and of what ended it
  std::int32_t end_id = -1;
  float end_logprob = 0;
};

class BeamSearch {
 public:
  explicit BeamSearch(BeamOptions options) : options_(std::move(options)) {}

  const std::vector<Beam>& live() const { return live_; }
  // One entry for each live beam, in order: its likeliest next tokens, best first.
  void advance(std::vector<std::vector<TokenLogprob>> next);
  bool done() const;
  std::vector<Beam> best() const;  // best first, `width` of them where there are so many

 private:
  // One live beam and a token to go on with.
  struct Step {
    std::size_t beam;
    TokenLogprob token;
    double logprob;  // of the whole
  };
  void complete(const Step& step);
  double score(const Beam& beam) const;
  double most_it_can_reach(const Beam& beam) const;
  std::vector<Beam> ranked(std::vector<Beam> beams) const;

  const BeamOptions options_;
  std::vector<Beam> live_ = std::vector<Beam>(1);
  std::vector<Beam> complete_;
  std::int64_t steps_ = 0;
};

}  // namespace atelier::sample
