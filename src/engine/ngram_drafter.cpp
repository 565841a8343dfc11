#include "engine/ngram_drafter.h"

#include <algorithm>

namespace atelier::engine {
namespace {

// The `n` tokens that end at `end`.
std::span<const std::int32_t> gram(std::span<const std::int32_t> known, std::int64_t end, std::int64_t n) {
  return known.subspan(static_cast<std::size_t>(end - n), static_cast<std::size_t>(n));
}

// FNV-1a over whole tokens; what it finds is compared token by token.
std::uint64_t hash(std::span<const std::int32_t> tokens) {
  std::uint64_t value = 14695981039346656037u + tokens.size();
  for (const std::int32_t token : tokens)
    value = (value ^ static_cast<std::uint32_t>(token)) * 1099511628211u;
  return value;
}

}  // namespace

void NgramDrafter::draft(std::span<Draft> drafts) {
  for (Draft& draft : drafts) {
    Index& index = indices_[draft.id];
    extend(index, draft.known);
    const std::int64_t end = find(index, draft.known);
    if (end < 0) continue;
    const auto following = draft.known.subspan(static_cast<std::size_t>(end));
    const auto count = std::min<std::int64_t>(draft.most, std::ssize(following));
    draft.tokens.assign(following.begin(), following.begin() + count);
  }
}

void NgramDrafter::extend(Index& index, std::span<const std::int32_t> known) const {
  for (std::int64_t end = index.end + 1; end < std::ssize(known); ++end) {
    for (std::int64_t n = shortest_; n <= std::min(longest_, end); ++n)
      index.latest[hash(gram(known, end, n))] = end;
    index.end = end;
  }
}

std::int64_t NgramDrafter::find(const Index& index, std::span<const std::int32_t> known) const {
  for (std::int64_t n = std::min<std::int64_t>(longest_, std::ssize(known)); n >= shortest_; --n) {
    const auto last = gram(known, std::ssize(known), n);
    const auto found = index.latest.find(hash(last));
    if (found != index.latest.end() && found->second >= n &&
        std::ranges::equal(gram(known, found->second, n), last))
      return found->second;
  }
  return -1;
}

}  // namespace atelier::engine
