#include "config/flag.h"

#include <algorithm>
#include <vector>

namespace atelier::config {
namespace {

// Letters to add, take or change to make one of the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j - 1] + 1, row[j] + 1, changed});
    }
  }
  return row.back();
}

// Calls visit(word) for each word of "a|b|c" until it says true.
template <class Visit>
bool any_choice(std::string_view choices, const Visit& visit) {
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    if (visit(choices.substr(0, bar))) return true;
    choices = bar == std::string_view::npos ? std::string_view() : choices.substr(bar + 1);
  }
  return false;
}

constexpr std::size_t kComparedBytes = 80;  // of what a user wrote: no flag is longer

}  // namespace

const Flag* find_flag(std::string_view name) {
  const auto all = flags();
  const auto found = std::ranges::find(all, name, &Flag::name);
  return found == all.end() ? nullptr : &*found;
}

std::string_view nearest_flag(std::string_view name) {
  const std::string_view text = name.substr(0, kComparedBytes);
  return std::ranges::min_element(flags(), {}, [&](const Flag& flag) { return distance(text, flag.name); })
      ->name;
}

std::string_view nearest_choice(std::string_view text, std::string_view choices) {
  std::string_view best;
  std::size_t least = std::string_view::npos;
  any_choice(choices, [&](std::string_view choice) {
    const std::size_t d = distance(text.substr(0, kComparedBytes), choice);
    if (d < least) {
      least = d;
      best = choice;
    }
    return false;
  });
  return best;
}

bool is_choice(std::string_view text, std::string_view choices) {
  return any_choice(choices, [&](std::string_view choice) { return choice == text; });
}

}  // namespace atelier::config
