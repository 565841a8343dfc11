// Scoring a text: windows that do not overlap, each run alone from position 0; the mean negative
// log-likelihood of its targets, over all of the model's rows, and the divergence from a reference decoder.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/thread_pool.h"
#include "model/decoder.h"

namespace atelier::app {

struct TextScoreTask {
  model::Decoder& decoder;
  model::Decoder* reference = nullptr;  // same weights, another compute mode; null: no divergence
  ThreadPool& pool;
  std::span<const std::int32_t> ids;  // a whole number of windows
  std::int64_t window = 0;            // >= 2 tokens
  std::int64_t first_target = 1;      // in each window, tokens [first_target, window) are scored
  kernels::TokenRole role = kernels::TokenRole::kPrompt;  // what the text's rows are to the decoder
};

// KL(reference || decoder) per scored position.
struct Divergence {
  double mean = 0, p99 = 0;
  double same_top = 0;  // share of positions where both like the same token best
};

struct TextScore {
  std::int64_t tokens = 0;  // scored
  double nll = 0;           // mean, natural log
  std::optional<Divergence> divergence = std::nullopt;
};

// progress(windows done, of how many, mean nll so far).
TextScore score_text(const TextScoreTask& task,
                     const std::function<void(std::int64_t, std::int64_t, double)>& progress);

}  // namespace atelier::app
