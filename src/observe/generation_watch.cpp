#include "observe/generation_watch.h"

#include <chrono>

namespace atelier::observe {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

void GenerationWatch::took(const engine::GenerationUpdate& update) {
  if (update.begun) facts_ = *update.begun;
  if (update.end) facts_ = update.end->facts;
  begun_ = begun_ || update.begun;
  engine_ended_ = engine_ended_ || update.end;
}

void GenerationWatch::told(std::int64_t tokens) {
  if (tokens == 0 && (counted_ || !begun_)) return;
  const auto now = Clock::now();
  if (!counted_) {
    metrics_->first_tokens(tokens, terms_.prompt_tokens, facts_);
  } else {
    metrics_->more_tokens(tokens, std::chrono::duration<double>(now - last_told_).count());
  }
  counted_ = true;
  last_told_ = now;
  tokens_ += tokens;
  if (!engine_ended_) facts_.last_token = now;  // a stop string ends it before the engine says when
}

void GenerationWatch::ended(std::string_view reason) {
  if (over_) return;
  over_ = true;
  metrics_->generation_ended({.reason = reason,
                              .prompt_tokens = terms_.prompt_tokens,
                              .output_tokens = tokens_,
                              .max_tokens = terms_.max_tokens,
                              .facts = facts_,
                              .ended = Clock::now()});
}

}  // namespace atelier::observe
