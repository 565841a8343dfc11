#include "engine/prompt_scorer.h"

#include <algorithm>

#include "sample/logit_scan.h"

namespace atelier::engine {

Result<PromptScorer::Outcome> PromptScorer::score(const PromptSlice& slice) {
  const auto row_length = static_cast<std::size_t>(decoder_.config().vocab_rows);
  Outcome out;
  for (std::int64_t begin = slice.begin; begin < slice.end; begin += kPieceRows) {
    if (slice.given_up && slice.given_up()) return fail(Fault::kCancelled, "given up");
    const std::int64_t rows = std::min(kPieceRows, slice.end - begin);
    const model::BatchSequence piece{
        .tokens = slice.prompt.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(rows)),
        .position = begin,
        .blocks = slice.blocks,
        .logits = model::LogitsWanted::kAll,
        .role = kernels::TokenRole::kPrompt,
        .long_rope = slice.long_rope};
    const std::span<const float> logits = decoder_.forward({&piece, 1}, kv_);
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto one = logits.subspan(static_cast<std::size_t>(row) * row_length, row_length);
      const auto next = static_cast<std::size_t>(begin + row + 1);
      if (begin + row + 1 == slice.end) out.last.assign(one.begin(), one.end());
      if (next == slice.prompt.size()) break;
      ATELIER_TRY_STATUS(sample::check_finite(one));
      out.scores.push_back(sample::score(one, vocabulary_, slice.prompt[next], slice.logprobs));
    }
  }
  return out;
}

}  // namespace atelier::engine
