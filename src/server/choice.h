// A Choice is one answer of a request in the making: the engine's tokens on one side, text on the other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/reply.h"
#include "base/result.h"
#include "engine/generation.h"
#include "observe/generation_watch.h"
#include "text/stream_decoder.h"

namespace atelier::server {

struct ChoiceTerms {
  std::vector<std::string> stop;
  std::vector<std::int32_t> stop_token_ids;  // the client's own: named when met
  bool include_stop = false, skip_special_tokens = true;
  std::int32_t logprobs = -1, prompt_logprobs = -1;  // K of the best; -1 = none
  std::int64_t min_tokens = 0;                       // no stop string ends the answer before
  bool prompt_only = false;                          // completions' max_tokens 0: no answer is told
  std::string echo = {};                             // comes first in the text
  bool score_echo = false;                           // and its tokens come first among the log-probabilities
  std::shared_ptr<const std::vector<std::int32_t>> prompt = {};
  std::shared_ptr<observe::GenerationWatch> watch = {};  // null = nobody counts
};

// The connection's thread only, once started.
class Choice {
 public:
  // A null handle: nothing to generate and nothing to score (max_tokens 0).
  Choice(const text::Tokenizer& tokenizer, const ChoiceTerms& terms,
         std::unique_ptr<engine::GenerationHandle> handle);

  void on_update(std::function<void()> wake);

  struct News {
    std::string text;
    std::vector<api::TokenLogprobs> logprobs;
    std::vector<std::int32_t> ids;  // with the one that stopped it
    bool ended = false;             // with this news
  };
  // What has come since the last look. A Failure ends the choice: the engine could not go on.
  Result<News> take();
  void cancel();  // ask for the end; take() will report it

  bool ended() const { return ended_; }
  const api::Finish& finish() const { return finish_; }  // its views live as long as the choice
  std::int64_t tokens() const { return tokens_; }
  // Of the prompt; nullopt until the engine has come to the first token.
  std::optional<std::int64_t> cached_tokens() const { return cached_tokens_; }
  std::span<const std::int32_t> prompt() const { return *terms_.prompt; }
  const api::PromptLogprobs& prompt_logprobs() const { return prompt_logprobs_; }
  const observe::GenerationWatch* watch() const { return terms_.watch.get(); }
  // How likely the answer is by the token; needs log-probabilities. One without any token is not likely.
  double mean_logprob() const;

 private:
  Result<News> look();
  void note_prompt(const std::vector<sample::TokenScore>& scores);
  void tell_echo(News& news);
  void tell_end(const engine::GenerationEnd& end, News& news);
  void feed(const engine::TokenEvent& token, News& news);
  void end(std::string_view reason, News& news);

  const text::Tokenizer& tokenizer_;
  const ChoiceTerms terms_;
  text::StreamDecoder decoder_;
  std::unique_ptr<engine::GenerationHandle> handle_;
  std::string stop_string_;
  api::Finish finish_;
  std::int64_t tokens_ = 0;
  std::optional<std::int64_t> cached_tokens_;
  double logprob_sum_ = 0;  // of the answer's tokens and of what stopped it
  std::int64_t logprobs_summed_ = 0;
  api::PromptLogprobs prompt_logprobs_;
  std::vector<api::TokenLogprobs> echo_logprobs_;
  bool echoed_ = false, ended_ = false;
};

}  // namespace atelier::server
