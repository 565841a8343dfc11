// A PromptScorer says how likely the model held the tokens of a prompt to be: it takes a slice of the prompt
// through the decoder as any step would, but asks for the logits of every row. A row of logits is a whole
// vocabulary wide, so the slice goes in small pieces.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/decoder.h"
#include "model/kv_store.h"
#include "sample/token_score.h"

namespace atelier::engine {

// The tokens of a prompt at [begin, end).
struct PromptSlice {
  std::span<const std::int32_t> prompt;  // all of it
  std::int64_t begin = 0, end = 0;
  std::span<const std::int32_t> blocks;  // cover `end` tokens
  bool long_rope = false;
  std::int32_t logprobs = 0;            // K
  std::function<bool()> given_up = {};  // asked before each piece; null = never
};

// Engine thread only.
class PromptScorer {
 public:
  // Rows of logits in memory at a time: 19 MB of them where the vocabulary is Qwen2.5's.
  static constexpr std::int64_t kPieceRows = 32;

  // Real ids are below `vocabulary`. References must outlive the scorer.
  PromptScorer(model::Decoder& decoder, model::KvStore& kv, std::int32_t vocabulary)
      : decoder_(decoder), kv_(kv), vocabulary_(vocabulary) {}

  struct Outcome {
    std::vector<sample::TokenScore> scores;  // of the tokens at begin + 1 … end, as far as the prompt reaches
    std::vector<float> last;                 // the last row's logits
  };
  // kInternal: the model computed something that is not finite. kCancelled: given up on the way.
  Result<Outcome> score(const PromptSlice& slice);

 private:
  model::Decoder& decoder_;
  model::KvStore& kv_;
  const std::int32_t vocabulary_;
};

}  // namespace atelier::engine
