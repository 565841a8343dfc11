// A StreamDecoder turns one generation's tokens into text as they come. It never emits half a character,
// holds back what may turn out to be the beginning of a stop string, and ends at the first stop string: the
// one that is complete first, so that the cut between tokens never matters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace atelier::text {

// One connection's thread only.
class StreamDecoder {
 public:
  struct Options {
    std::vector<std::string> stop{};
    bool include_stop = false;  // keep the stop string in the text
    bool skip_special_tokens = true;
    std::int64_t min_tokens = 0;  // stop strings that end within the first so many tokens do not count
  };
  StreamDecoder(const Tokenizer& tokenizer, Options options);

  std::string feed(TokenId id);              // text that is certain now, perhaps ""
  std::string finish();                      // the rest; dangling bytes become U+FFFD
  bool stopped() const { return stopped_; }  // a stop string was met; feed nothing more
  const std::string& matched_stop() const { return matched_; }

 private:
  // How much of one stop string the text ends with (Knuth, Morris, Pratt: never looks back).
  class StopProgress {
   public:
    explicit StopProgress(std::string stop);
    bool advance(char byte);  // true: the whole stop string has just been met
    std::size_t matched() const { return matched_; }
    const std::string& stop() const { return stop_; }

   private:
    std::string stop_;
    std::vector<std::size_t> border_;  // of each prefix: its longest proper prefix that is also its suffix
    std::size_t matched_ = 0;
  };
  std::string settle(std::string_view text);

  const Tokenizer& tokenizer_;
  Options options_;
  std::vector<StopProgress> stops_;
  std::string unfinished_;  // the start of a character, at most 3 bytes
  std::string held_;        // whole characters that may begin a stop string
  std::string matched_;
  std::int64_t fed_ = 0;  // tokens
  bool stopped_ = false;
};

}  // namespace atelier::text
