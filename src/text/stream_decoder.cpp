#include "text/stream_decoder.h"

#include <algorithm>
#include <utility>

#include "text/unicode_utf8.h"

namespace atelier::text {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, Options options)
    : tokenizer_(tokenizer), options_(std::move(options)) {
  for (std::string& stop : options_.stop) {
    if (!stop.empty()) stops_.emplace_back(stop);
  }
}

std::string StreamDecoder::feed(TokenId id) {
  ++fed_;
  if (stopped_ || (options_.skip_special_tokens && tokenizer_.is_special(id))) return {};
  unfinished_ += tokenizer_.bytes(id);
  const std::size_t whole = unfinished_.size() - unfinished_utf8_bytes(unfinished_);
  const std::string text = replace_invalid_utf8(std::string_view(unfinished_).substr(0, whole));
  unfinished_.erase(0, whole);
  return settle(text);
}

std::string StreamDecoder::finish() {
  if (stopped_) return {};
  std::string text = settle(replace_invalid_utf8(std::exchange(unfinished_, {})));
  return text + std::exchange(held_, {});
}

std::string StreamDecoder::settle(std::string_view text) {
  std::string ready = std::exchange(held_, {});
  const bool may_stop = fed_ > options_.min_tokens;
  for (const char byte : text) {
    ready += byte;
    for (StopProgress& progress : stops_) {
      const bool met = progress.advance(byte);
      if (met && may_stop && progress.stop().size() > matched_.size()) matched_ = progress.stop();
    }
    if (!matched_.empty()) {
      stopped_ = true;
      if (!options_.include_stop) ready.resize(ready.size() - matched_.size());
      return ready;
    }
  }
  std::size_t uncertain = 0;
  for (const StopProgress& progress : stops_) uncertain = std::max(uncertain, progress.matched());
  held_ = ready.substr(ready.size() - uncertain);
  ready.resize(ready.size() - uncertain);
  return ready;
}

StreamDecoder::StopProgress::StopProgress(std::string stop) : stop_(std::move(stop)), border_(stop_.size()) {
  for (std::size_t end = 1, border = 0; end < stop_.size(); ++end) {
    while (border > 0 && stop_[end] != stop_[border]) border = border_[border - 1];
    if (stop_[end] == stop_[border]) ++border;
    border_[end] = border;
  }
}

bool StreamDecoder::StopProgress::advance(char byte) {
  while (matched_ > 0 && byte != stop_[matched_]) matched_ = border_[matched_ - 1];
  if (byte == stop_[matched_]) ++matched_;
  if (matched_ < stop_.size()) return false;
  matched_ = border_.back();
  return true;
}

}  // namespace atelier::text
