#include "config/spelling.h"

#include <algorithm>
#include <string_view>

#include "config/flag.h"

namespace atelier::config {

std::vector<std::string> plain_spelling(std::vector<std::string> words) {
  for (std::string& word : words) {
    if (word.starts_with("--")) {
      std::replace(word.begin() + 2,
                   word.begin() + static_cast<std::ptrdiff_t>(std::min(word.find('='), word.size())), '_',
                   '-');
    } else if (word.starts_with('-') && !long_name(std::string_view(word).substr(1)).empty()) {
      word = "--" + std::string(long_name(std::string_view(word).substr(1)));
    }
  }
  return words;
}

}  // namespace atelier::config
