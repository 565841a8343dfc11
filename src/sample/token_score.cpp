#include "sample/token_score.h"

#include <algorithm>

#include "sample/logit_scan.h"
#include "sample/shortlist.h"

namespace atelier::sample {

TokenScore score(std::span<const float> logits, std::int32_t vocabulary, std::int32_t id, std::int32_t k) {
  const std::span<const float> real = logits.first(static_cast<std::size_t>(vocabulary));
  const double normaliser = log_sum_exp(logits);
  const auto relative = [&](float logit) { return static_cast<float>(logit - normaliser); };
  const float own = real[id];
  TokenScore out{.id = id,
                 .logprob = relative(own),
                 .rank = std::ranges::count_if(real, [own](float logit) { return logit >= own; }),
                 .top = best(real, static_cast<std::size_t>(k))};
  for (TokenLogprob& entry : out.top) entry.logprob = relative(entry.logprob);
  return out;
}

}  // namespace atelier::sample
