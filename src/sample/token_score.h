// A TokenScore says how likely the model held one token to be at its place, and which it held likeliest
// there: the log-softmax of the raw logits, before restrictions, penalties and temperature.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atelier::sample {

struct TokenLogprob {
  std::int32_t id;
  float logprob;
};

struct TokenScore {
  std::int32_t id = -1;
  float logprob = 0;
  std::int64_t rank = 0;  // 1 = none is likelier; tokens at least as likely as it, as vLLM counts
  std::vector<TokenLogprob> top = {};  // the K best, best first
};

// logits: [rows], finite (check_finite); real ids are [0, vocabulary), the rest is padding that counts in the
// sum only.
TokenScore score(std::span<const float> logits, std::int32_t vocabulary, std::int32_t id, std::int32_t k);

}  // namespace atelier::sample
