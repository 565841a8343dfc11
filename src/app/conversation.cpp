#include "app/conversation.h"

#include <boost/json/object.hpp>
#include <limits>
#include <utility>

#include "app/interrupt.h"
#include "engine/engine.h"
#include "text/stream_decoder.h"

namespace atelier::app {

Conversation::Conversation(Runtime& runtime, Options options)
    : runtime_(runtime), options_(std::move(options)) {
  clear();
}

void Conversation::clear() {
  messages_.clear();
  used_tokens_ = 0;
  if (options_.system.empty()) return;
  messages_.push_back(boost::json::object{{"role", "system"}, {"content", options_.system}});
}

Result<TurnEnd> Conversation::ask(const std::string& question,
                                  const std::function<void(const std::string&)>& show) {
  messages_.push_back(boost::json::object{{"role", "user"}, {"content", question}});
  auto tokens = prompt();
  auto answer = tokens ? generate(*std::move(tokens), show) : std::unexpected(tokens.error());
  if (!answer) {
    messages_.pop_back();
    return std::unexpected(std::move(answer).error());
  }
  messages_.push_back(boost::json::object{{"role", "assistant"}, {"content", answer->text}});
  return answer->end;
}

Result<std::vector<std::int32_t>> Conversation::prompt() const {
  const bundle::ModelBundle& bundle = runtime_.bundle;
  const boost::json::object context{{"messages", messages_},
                                    {"add_generation_prompt", true},
                                    {"bos_token", bundle.bos_text()},
                                    {"eos_token", bundle.eos_text()}};
  ATELIER_TRY(const std::string text, bundle.chat_template->render(context));
  std::vector<std::int32_t> tokens = runtime_.tokenizer().encode(text, text::Specials::kParse);
  const std::int64_t limit = runtime_.engine->config().max_model_len;
  if (std::ssize(tokens) + 1 > limit) {
    return fail(Fault::kTooLong,
                "with this message the conversation has {} tokens; the context holds {}, one of them for the "
                "answer. Nothing was forgotten: send less, or /clear starts over",
                tokens.size(), limit);
  }
  return tokens;
}

Result<Conversation::Answer> Conversation::generate(std::vector<std::int32_t> prompt,
                                                    const std::function<void(const std::string&)>& show) {
  const text::Tokenizer& tokenizer = runtime_.tokenizer();
  used_tokens_ = std::ssize(prompt);
  engine::GenerationRequest request;
  request.prompt = std::move(prompt);
  request.sampling = options_.sampling;
  request.max_tokens =
      options_.max_tokens > 0 ? options_.max_tokens : std::numeric_limits<std::int32_t>::max();
  request.stop_ids = tokenizer.data().stop_ids;

  Interrupt interrupt;  // wakes for SIGINT and for every update; outlives the handle
  ATELIER_TRY(const auto handle, runtime_.engine->submit(std::move(request)));
  handle->on_update([&interrupt] { interrupt.wake(); });
  text::StreamDecoder decoder(tokenizer, {.stop = {}});
  Answer answer;
  const auto tell = [&](const std::string& text) {
    answer.text += text;
    if (!text.empty()) show(text);
  };
  std::optional<engine::GenerationEnd> end;
  while (!end) {
    interrupt.wait();
    if (interrupt.raised()) handle->cancel();
    engine::GenerationUpdate update = handle->take();
    for (const engine::TokenEvent& token : update.tokens) tell(decoder.feed(token.id));
    used_tokens_ += std::ssize(update.tokens);
    end = std::move(update.end);
  }
  handle->on_update({});
  tell(decoder.finish());
  if (end->reason == engine::FinishReason::kFailed) return fail(Fault::kInternal, "{}", end->error);
  if (end->reason == engine::FinishReason::kCancelled) answer.end = TurnEnd::kInterrupted;
  if (end->reason == engine::FinishReason::kLength) answer.end = TurnEnd::kLength;
  return answer;
}

std::string Conversation::why_cut() const {
  const std::int64_t limit = runtime_.engine->config().max_model_len;
  if (used_tokens_ < limit) return fmt::format("cut at --max-tokens {}", options_.max_tokens);
  return fmt::format("the context of {} tokens is full; /clear starts over", limit);
}

}  // namespace atelier::app
