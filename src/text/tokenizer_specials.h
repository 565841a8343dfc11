// A SpecialMatcher finds special tokens written out in a text: the leftmost, and the longest among those that
// begin there. Immutable once built.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_data.h"

namespace atelier::text {

class SpecialMatcher {
 public:
  explicit SpecialMatcher(std::vector<SpecialToken> specials);

  struct Match {
    std::size_t at, bytes;  // at = npos: none
    TokenId id;
  };
  Match find(std::string_view text, std::size_t from) const;

 private:
  std::vector<SpecialToken> sorted_;  // by text
  std::array<bool, 256> starts_{};    // first bytes
  int only_start_ = -1;               // the only first byte, where there is one ('<')
};

}  // namespace atelier::text
