#include "server/choice.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace atelier::server {

Choice::Choice(const text::Tokenizer& tokenizer, const ChoiceTerms& terms,
               std::unique_ptr<engine::GenerationHandle> handle)
    : tokenizer_(tokenizer),
      terms_(terms),
      decoder_(tokenizer, {.stop = terms.stop,
                           .include_stop = terms.include_stop,
                           .skip_special_tokens = terms.skip_special_tokens,
                           .min_tokens = terms.min_tokens}),
      handle_(std::move(handle)) {}

void Choice::on_update(std::function<void()> wake) {
  if (handle_) handle_->on_update(std::move(wake));
}

Result<Choice::News> Choice::take() {
  const std::int64_t before = tokens_;
  auto news = look();
  if (!terms_.watch) return news;
  terms_.watch->told(tokens_ - before);
  if (news && news->ended) terms_.watch->ended(finish_.reason);
  if (!news) terms_.watch->ended(news.error().fault == Fault::kCancelled ? "abort" : "error");
  return news;
}

Result<Choice::News> Choice::look() {
  News news;
  if (ended_) return news;
  if (!handle_) {
    tell_echo(news);
    end("length", news);
    return news;
  }
  engine::GenerationUpdate update = handle_->take();
  if (terms_.watch) terms_.watch->took(update);
  if (update.begun) cached_tokens_ = update.begun->cached_tokens;
  note_prompt(update.prompt);
  if (!terms_.score_echo || !update.tokens.empty() || update.end) tell_echo(news);
  for (const engine::TokenEvent& token : update.tokens) {
    if (terms_.prompt_only) break;
    feed(token, news);
    if (decoder_.stopped()) {
      end("stop", news);
      return news;
    }
  }
  if (!update.end) return news;
  cached_tokens_ = update.end->facts.cached_tokens;
  using Reason = engine::FinishReason;
  if (update.end->reason == Reason::kStop || update.end->reason == Reason::kLength) {
    tell_end(*update.end, news);
    return news;
  }
  ended_ = true;
  if (update.end->reason == Reason::kCancelled)
    return fail(Fault::kCancelled, "the server is shutting down; the generation was ended");
  return fail(update.end->fault, "the generation failed: {}", update.end->error);
}

void Choice::tell_end(const engine::GenerationEnd& end, News& news) {
  if (end.reason == engine::FinishReason::kLength || terms_.prompt_only) return this->end("length", news);
  if (std::ranges::find(terms_.stop_token_ids, end.stop_id) != terms_.stop_token_ids.end()) {
    finish_.stop_id = end.stop_id;
  }
  if (end.stop_id >= 0) {
    news.ids.push_back(end.stop_id);
    logprob_sum_ += end.stop_logprob;
    ++logprobs_summed_;
  }
  this->end("stop", news);
}

double Choice::mean_logprob() const {
  if (logprobs_summed_ == 0) return -std::numeric_limits<double>::infinity();
  return logprob_sum_ / static_cast<double>(logprobs_summed_);
}

// The prompt's tokens, as far as they have been scored.
void Choice::note_prompt(const std::vector<sample::TokenScore>& scores) {
  const auto best = [](const sample::TokenScore& score, std::int32_t k) {
    return std::span(score.top).first(std::min(score.top.size(), static_cast<std::size_t>(k)));
  };
  for (const sample::TokenScore& score : scores) {
    if (terms_.prompt_logprobs >= 0) {
      auto& entry = prompt_logprobs_.emplace_back();
      entry.push_back({score.id, tokenizer_.bytes(score.id), score.logprob, score.rank});
      for (const auto& other : best(score, terms_.prompt_logprobs)) {
        const auto rank = static_cast<std::int64_t>(entry.size());
        entry.push_back({other.id, tokenizer_.bytes(other.id), other.logprob, rank});
      }
    }
    if (!terms_.score_echo) continue;
    auto& entry = echo_logprobs_.emplace_back();
    entry.chosen = {tokenizer_.bytes(score.id), score.logprob};
    for (const auto& other : best(score, terms_.logprobs))
      entry.top.push_back({tokenizer_.bytes(other.id), other.logprob});
  }
}

// The prompt before the answer: once, with all of its log-probabilities.
void Choice::tell_echo(News& news) {
  if (std::exchange(echoed_, true)) return;
  news.text = terms_.echo;
  if (!terms_.score_echo) return;
  news.logprobs.push_back({.chosen = {tokenizer_.bytes(terms_.prompt->front())}, .top = {}, .known = false});
  std::ranges::move(echo_logprobs_, std::back_inserter(news.logprobs));
  echo_logprobs_.clear();
}

void Choice::cancel() {
  if (handle_) handle_->cancel();
}

void Choice::feed(const engine::TokenEvent& token, News& news) {
  ++tokens_;
  news.ids.push_back(token.id);
  logprob_sum_ += token.logprob;
  ++logprobs_summed_;
  news.text += decoder_.feed(token.id);
  if (terms_.logprobs < 0) return;
  api::TokenLogprobs entry{.chosen = {tokenizer_.bytes(token.id), token.logprob}, .top = {}};
  for (const auto& other : token.top) entry.top.push_back({tokenizer_.bytes(other.id), other.logprob});
  news.logprobs.push_back(std::move(entry));
}

void Choice::end(std::string_view reason, News& news) {
  news.text += decoder_.finish();
  news.ended = ended_ = true;
  stop_string_ = decoder_.matched_stop();
  if (!stop_string_.empty()) reason = "stop";  // it came with the last bytes
  finish_.reason = reason;
  finish_.stop_string = stop_string_;
  handle_.reset();  // the place is free
}

}  // namespace atelier::server
