// How the next token is chosen. Ranges are checked at the door (api, app); here they hold.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sample/restrictions.h"

namespace atelier::sample {

struct SamplingOptions {
  float temperature = 1.0f;         // 0 = the most likely token
  std::int32_t top_k = 0;           // 0 = off
  float top_p = 1.0f;               // (0, 1]
  float min_p = 0.0f;               // [0, 1]
  float repetition_penalty = 1.0f;  // prompt and output
  float presence_penalty = 0.0f;    // output only
  float frequency_penalty = 0.0f;   // output only
  std::optional<std::uint64_t> seed = std::nullopt;
  std::int32_t logprobs = -1;                             // -1 = none; K = the chosen one's and the K best
  std::shared_ptr<const Restrictions> restrictions = {};  // null = none
};

}  // namespace atelier::sample
