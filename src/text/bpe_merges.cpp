#include "text/bpe_merges.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <tuple>

namespace atelier::text {
namespace {

// Up to here the cheapest join is searched for anew each time; beyond, a heap keeps it.
constexpr std::size_t kShortWordBytes = 64;

}  // namespace

Result<BpeMerges> BpeMerges::create(const std::vector<std::string>& merges, const BpeVocabulary& vocabulary) {
  if (merges.size() >= static_cast<std::size_t>(kNoRank)) {
    return fail(Fault::kCorrupt, "the tokenizer has {} merges; the limit is {}", merges.size(), kNoRank - 1);
  }
  BpeMerges made;
  for (int byte = 0; byte < 256; ++byte) {
    const char one = static_cast<char>(byte);
    made.byte_tokens_[byte] = vocabulary.find({&one, 1});
  }
  made.slots_.resize(std::bit_ceil(std::max<std::size_t>(16, merges.size() + merges.size() / 2)));
  made.shift_ = 64 - std::countr_zero(made.slots_.size());
  std::string bytes;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    const std::size_t space = merge.find(' ');
    bytes.clear();
    std::size_t left_bytes = 0;
    bool spelled = space != std::string_view::npos && append_spelled_bytes(merge.substr(0, space), bytes);
    left_bytes = bytes.size();
    spelled = spelled && append_spelled_bytes(merge.substr(space + 1), bytes);
    const std::string_view joined = bytes;
    const TokenId left = spelled ? vocabulary.find(joined.substr(0, left_bytes)) : -1;
    const TokenId right = spelled ? vocabulary.find(joined.substr(left_bytes)) : -1;
    const TokenId both = spelled ? vocabulary.find(joined) : -1;
    if (left < 0 || right < 0 || both < 0) {
      return fail(
          Fault::kCorrupt, "the tokenizer's merge {} (\"{}\") {}", rank, merge.substr(0, 100),
          spelled ? "names a token that the vocabulary lacks" : "is not two tokens and a space between");
    }
    made.insert(left, right, {static_cast<std::int32_t>(rank), both});
  }
  return made;
}

void BpeMerges::append_tokens(std::string_view word, std::vector<TokenId>& out) const {
  if (word.size() <= kShortWordBytes) {
    append_short(word, out);
  } else {
    append_long(word, out);
  }
}

void BpeMerges::append_short(std::string_view word, std::vector<TokenId>& out) const {
  TokenId ids[kShortWordBytes];
  Merge joins[kShortWordBytes];  // of each token with the next
  std::size_t count = 0;
  for (const char byte : word) {
    if (const TokenId id = byte_tokens_[static_cast<unsigned char>(byte)]; id >= 0) ids[count++] = id;
  }
  for (std::size_t i = 0; i + 1 < count; ++i) joins[i] = find(ids[i], ids[i + 1]);
  while (count > 1) {
    const auto less = [](const Merge& a, const Merge& b) { return a.rank < b.rank; };
    const std::size_t at = std::min_element(joins, joins + count - 1, less) - joins;
    if (joins[at].rank == kNoRank) break;
    ids[at] = joins[at].joined;
    std::copy(ids + at + 2, ids + count, ids + at + 1);
    std::copy(joins + at + 1, joins + count - 1, joins + at);
    --count;
    if (at > 0) joins[at - 1] = find(ids[at - 1], ids[at]);
    if (at + 1 < count) joins[at] = find(ids[at], ids[at + 1]);
  }
  out.insert(out.end(), ids, ids + count);
}

// The tokens of a long word as a linked list in place, and the joins that may still come, cheapest on top. A
// join in the heap is stale where its tokens have meanwhile joined others: the pair then spells more bytes,
// so it cannot join to the same token.
struct BpeMerges::LongWord {
  struct Link {
    TokenId id;  // -1: joined to the one before
    std::int32_t before, next;
  };
  struct Join {
    Merge merge;
    std::int32_t at;
    bool operator>(const Join& other) const {
      return std::tie(merge.rank, at) > std::tie(other.merge.rank, other.at);
    }
  };
  std::vector<Link> links;
  std::priority_queue<Join, std::vector<Join>, std::greater<>> joins;
};

void BpeMerges::append_long(std::string_view word, std::vector<TokenId>& out) const {
  LongWord state;
  auto& links = state.links;
  links.reserve(word.size());
  for (const char byte : word) {
    const auto at = static_cast<std::int32_t>(links.size());
    if (const TokenId id = byte_tokens_[static_cast<unsigned char>(byte)]; id >= 0) {
      links.push_back({id, at - 1, at + 1});
    }
  }
  if (links.empty()) return;
  links.back().next = -1;
  const auto consider = [&](std::int32_t at) {
    if (at < 0 || links[at].next < 0) return;
    const Merge merge = find(links[at].id, links[links[at].next].id);
    if (merge.rank != kNoRank) state.joins.push({merge, at});
  };
  for (std::size_t at = 0; at < links.size(); ++at) consider(static_cast<std::int32_t>(at));
  while (!state.joins.empty()) {
    const LongWord::Join join = state.joins.top();
    state.joins.pop();
    LongWord::Link& left = links[join.at];
    if (left.id < 0 || left.next < 0) continue;
    LongWord::Link& right = links[left.next];
    if (find(left.id, right.id).joined != join.merge.joined) continue;
    left.id = join.merge.joined;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) links[left.next].before = join.at;
    consider(left.before);
    consider(join.at);
  }
  for (std::int32_t at = 0; at >= 0; at = links[at].next) out.push_back(links[at].id);
}

BpeMerges::Merge BpeMerges::find(TokenId left, TokenId right) const {
  const std::uint64_t pair = pair_of(left, right);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = slot_of(pair); slots_[at].pair != kNoPair; at = (at + 1) & mask) {
    if (slots_[at].pair == pair) return slots_[at].merge;
  }
  return {kNoRank, -1};
}

void BpeMerges::insert(TokenId left, TokenId right, Merge merge) {
  const std::uint64_t pair = pair_of(left, right);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = slot_of(pair);
  while (slots_[at].pair != kNoPair && slots_[at].pair != pair) at = (at + 1) & mask;
  slots_[at] = {pair, merge};
}

}  // namespace atelier::text
