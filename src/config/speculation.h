// How answers are guessed ahead: vLLM's --speculative-config, as far as there is a method for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace atelier::config {

struct Speculation {
  enum class Method { kNone, kNgram, kDraftModel };
  Method method = Method::kNone;
  std::string model;                            // of kDraftModel: file, folder, hub id or catalogue name
  std::int64_t tokens = 4;                      // guessed at a time, at most
  std::int64_t lookup_min = 2, lookup_max = 4;  // of kNgram: tokens that must have occurred before
};

// {"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_min": 2, "prompt_lookup_max": 4} or
// {"model": "…", "num_speculative_tokens": 4}. "" = none. kBadRequest, param "--speculative-config".
Result<Speculation> read_speculation(std::string_view json);

}  // namespace atelier::config
