// The BpeMerges are the pairs of tokens that join, by rank, and the joining itself. Immutable once built.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/bpe_vocabulary.h"

namespace atelier::text {

class BpeMerges {
 public:
  // `merges` as "left right" in rank order, byte-level spelling; kCorrupt names one whose left, right or
  // joined token is not in the vocabulary. Of two equal pairs the later rank holds, as in `tokenizers`.
  static Result<BpeMerges> create(const std::vector<std::string>& merges, const BpeVocabulary& vocabulary);

  // Joins the bytes of one word until no pair of neighbours joins, lowest rank first, leftmost among equals,
  // and appends the tokens. A byte without a token of its own is dropped, as in `tokenizers`. O(n log n) for
  // long words.
  void append_tokens(std::string_view word, std::vector<TokenId>& out) const;

 private:
  struct Merge {
    std::int32_t rank;  // kNoRank: the pair does not join
    TokenId joined;
  };
  struct Slot {
    std::uint64_t pair = kNoPair;
    Merge merge{kNoRank, -1};
  };
  static constexpr std::uint64_t kNoPair = ~std::uint64_t{0};
  static constexpr std::int32_t kNoRank = 0x7fffffff;
  struct LongWord;

  static std::uint64_t pair_of(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
  }
  std::size_t slot_of(std::uint64_t pair) const { return (pair * 0x9e3779b97f4a7c15u) >> shift_; }
  Merge find(TokenId left, TokenId right) const;
  void insert(TokenId left, TokenId right, Merge merge);
  void append_short(std::string_view word, std::vector<TokenId>& out) const;
  void append_long(std::string_view word, std::vector<TokenId>& out) const;

  std::array<TokenId, 256> byte_tokens_{};
  std::vector<Slot> slots_;  // open addressing, a power of two, at most 2/3 full
  int shift_ = 0;
};

}  // namespace atelier::text
