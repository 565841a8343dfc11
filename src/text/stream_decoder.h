// A StreamDecoder turns one generation's tokens into text as they come. It never emits half a character,
// holds back what may turn out to be the beginning of a stop string, and ends at the first stop string.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace atelier::text {

// One connection's thread only.
class StreamDecoder {
 public:
  struct Options {
    std::vector<std::string> stop;
    bool include_stop = false;  // keep the stop string in the text
    bool skip_special_tokens = true;
  };
  StreamDecoder(const Tokenizer& tokenizer, Options options);

  std::string feed(TokenId id);              // text that is certain now, perhaps ""
  std::string finish();                      // the rest; dangling bytes become U+FFFD
  bool stopped() const { return stopped_; }  // a stop string was met; feed nothing more
  const std::string& matched_stop() const { return matched_; }

 private:
  std::string settle(bool final);

  const Tokenizer& tokenizer_;
  Options options_;
  std::string pending_;  // bytes not yet certain
  std::string matched_;
  bool stopped_ = false;
};

}  // namespace atelier::text
