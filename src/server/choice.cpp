#include "server/choice.h"

#include <algorithm>
#include <utility>

namespace atelier::server {

Choice::Choice(const text::Tokenizer& tokenizer, const ChoiceTerms& terms,
               std::unique_ptr<engine::GenerationHandle> handle)
    : tokenizer_(tokenizer),
      terms_(terms),
      decoder_(tokenizer, {.stop = terms.stop,
                           .include_stop = terms.include_stop,
                           .skip_special_tokens = terms.skip_special_tokens}),
      handle_(std::move(handle)) {}

void Choice::on_update(std::function<void()> wake) {
  if (handle_) handle_->on_update(std::move(wake));
}

Result<Choice::News> Choice::take() {
  News news;
  if (ended_) return news;
  if (!handle_) {
    end("length", news);
    return news;
  }
  engine::GenerationUpdate update = handle_->take();
  for (const engine::TokenEvent& token : update.tokens) {
    feed(token, news);
    if (decoder_.stopped()) {
      end("stop", news);
      return news;
    }
  }
  if (!update.end) return news;
  using Reason = engine::FinishReason;
  switch (update.end->reason) {
    case Reason::kStop:
      if (std::ranges::find(terms_.stop_token_ids, update.end->stop_id) != terms_.stop_token_ids.end()) {
        finish_.stop_id = update.end->stop_id;
      }
      end("stop", news);
      return news;
    case Reason::kLength:
      end("length", news);
      return news;
    case Reason::kCancelled:
      ended_ = true;
      return fail(Fault::kCancelled, "the server is shutting down; the generation was ended");
    case Reason::kFailed:
      break;
  }
  ended_ = true;
  return fail(Fault::kInternal, "the generation failed: {}", update.end->error);
}

void Choice::cancel() {
  if (handle_) handle_->cancel();
}

void Choice::feed(const engine::TokenEvent& token, News& news) {
  ++tokens_;
  news.text += decoder_.feed(token.id);
  if (!terms_.logprobs) return;
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
