// A Conversation is the turns so far and the model that continues them. Nothing is ever dropped silently: a
// conversation that no longer fits is refused with the numbers.
#pragma once

#include <boost/json/array.hpp>
#include <functional>
#include <string>
#include <vector>

#include "app/runtime.h"
#include "base/result.h"
#include "sample/sampling_options.h"

namespace atelier::app {

enum class TurnEnd { kDone, kLength, kInterrupted };

// One thread only. While a turn is answered, SIGINT stops the answer.
class Conversation {
 public:
  struct Options {
    std::string system;  // "" = the template's own
    sample::SamplingOptions sampling;
    std::int64_t max_tokens = 0;  // of one answer; 0 = what the context holds
  };

  // The runtime's engine has been started; it must outlive the conversation.
  Conversation(Runtime& runtime, Options options);

  // Adds the question and its answer; `show` gets the answer's text as it comes. What was said before an
  // interruption stays said. After a Failure the question is forgotten.
  Result<TurnEnd> ask(const std::string& question, const std::function<void(const std::string&)>& show);

  void clear();                 // forgets every turn; the system text stays
  std::string why_cut() const;  // after kLength: which limit it was, with the numbers

 private:
  struct Answer {
    TurnEnd end = TurnEnd::kDone;
    std::string text;
  };
  Result<std::vector<std::int32_t>> prompt() const;
  Result<Answer> generate(std::vector<std::int32_t> prompt,
                          const std::function<void(const std::string&)>& show);

  Runtime& runtime_;
  Options options_;
  boost::json::array messages_;
  std::int64_t used_tokens_ = 0;  // of the context, by the last turn
};

}  // namespace atelier::app
