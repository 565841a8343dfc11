#include "sample/penalties.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace atelier::sample {

Penalties::Penalties(const SamplingOptions& options, std::span<const std::int32_t> prompt)
    : repetition_(options.repetition_penalty),
      presence_(options.presence_penalty),
      frequency_(options.frequency_penalty) {
  if (repetition_ == 1.0f) return;  // the others do not look at the prompt
  for (const std::int32_t id : prompt) entry(id);
}

void Penalties::saw(std::int32_t id) {
  if (active()) ++entry(id).in_output;
}

void Penalties::apply(std::span<float> logits) const {
  for (const auto [id, in_output] : seen_) {
    float& x = logits[id];
    if (std::isinf(x)) continue;  // forbidden (Restrictions)
    if (repetition_ != 1.0f) x = x > 0 ? x / repetition_ : x * repetition_;
    x -= frequency_ * static_cast<float>(in_output);
    if (in_output > 0) x -= presence_;
    x = std::clamp(x, -std::numeric_limits<float>::max(), std::numeric_limits<float>::max());
  }
}

Penalties::Seen& Penalties::entry(std::int32_t id) {
  const auto [place, is_new] = index_.try_emplace(id, seen_.size());
  if (is_new) seen_.push_back({id, 0});
  return seen_[place->second];
}

}  // namespace atelier::sample
