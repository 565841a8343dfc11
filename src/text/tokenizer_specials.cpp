#include "text/tokenizer_specials.h"

#include <algorithm>

namespace atelier::text {

SpecialMatcher::SpecialMatcher(std::vector<SpecialToken> specials) : sorted_(std::move(specials)) {
  std::ranges::sort(sorted_, {}, &SpecialToken::text);
  for (const SpecialToken& special : sorted_) starts_[static_cast<unsigned char>(special.text[0])] = true;
  if (std::ranges::count(starts_, true) == 1) {
    only_start_ = static_cast<int>(std::ranges::find(starts_, true) - starts_.begin());
  }
}

SpecialMatcher::Match SpecialMatcher::find(std::string_view text, std::size_t from) const {
  constexpr auto kNone = std::string_view::npos;
  for (std::size_t at = from; at < text.size() && !sorted_.empty(); ++at) {
    if (only_start_ >= 0) {
      at = text.find(static_cast<char>(only_start_), at);
      if (at == kNone) break;
    } else if (!starts_[static_cast<unsigned char>(text[at])]) {
      continue;
    }
    // Narrow the sorted range byte by byte; a text that ends at this depth comes first in it.
    auto low = sorted_.begin(), high = sorted_.end();
    Match match{kNone, 0, -1};
    for (std::size_t depth = 0; at + depth < text.size() && low != high; ++depth) {
      const auto byte_at = [depth](const SpecialToken& special) {
        return static_cast<unsigned char>(special.text[depth]);
      };
      const auto range =
          std::ranges::equal_range(low, high, static_cast<unsigned char>(text[at + depth]), {}, byte_at);
      low = range.begin();
      high = range.end();
      if (low != high && low->text.size() == depth + 1) {
        match = {at, depth + 1, low->id};
        ++low;
      }
    }
    if (match.at != kNone) return match;
  }
  return {kNone, 0, -1};
}

}  // namespace atelier::text
