// A Choice is one answer of a request in the making: the engine's tokens on one side, text on the other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/reply.h"
#include "base/result.h"
#include "engine/generation.h"
#include "text/stream_decoder.h"

namespace atelier::server {

struct ChoiceTerms {
  std::vector<std::string> stop;
  std::vector<std::int32_t> stop_token_ids;  // the client's own: named when met
  bool include_stop = false, skip_special_tokens = true, logprobs = false;
};

// The connection's thread only, once started.
class Choice {
 public:
  // A null handle: nothing to generate (max_tokens 0).
  Choice(const text::Tokenizer& tokenizer, const ChoiceTerms& terms,
         std::unique_ptr<engine::GenerationHandle> handle);

  void on_update(std::function<void()> wake);

  struct News {
    std::string text;
    std::vector<api::TokenLogprobs> logprobs;
    bool ended = false;  // with this news
  };
  // What has come since the last look. A Failure ends the choice: the engine could not go on.
  Result<News> take();
  void cancel();  // ask for the end; take() will report it

  bool ended() const { return ended_; }
  const api::Finish& finish() const { return finish_; }  // its views live as long as the choice
  std::int64_t tokens() const { return tokens_; }

 private:
  void feed(const engine::TokenEvent& token, News& news);
  void end(std::string_view reason, News& news);

  const text::Tokenizer& tokenizer_;
  const ChoiceTerms terms_;
  text::StreamDecoder decoder_;
  std::unique_ptr<engine::GenerationHandle> handle_;
  std::string stop_string_;
  api::Finish finish_;
  std::int64_t tokens_ = 0;
  bool ended_ = false;
};

}  // namespace atelier::server
