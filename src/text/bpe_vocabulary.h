// A BpeVocabulary is the bytes of every token and the way back: which token spells these bytes. Immutable
// once built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_data.h"

namespace atelier::text {

// Byte-level spelling (GPT-2): every byte has a visible character of its own; a space is "Ġ". Appends the
// bytes that `spelled` stands for; false (and nothing lasting in `out`) where it is not in that alphabet.
bool append_spelled_bytes(std::string_view spelled, std::string& out);

class BpeVocabulary {
 public:
  // `spelled` by id; "" = no such token. A token outside the byte-level alphabet keeps its text as its bytes
  // and can only be decoded. Of two tokens with the same bytes the later one is found.
  static Result<BpeVocabulary> create(const std::vector<std::string>& spelled,
                                      const std::vector<SpecialToken>& specials);

  TokenId find(std::string_view bytes) const;  // -1: none
  std::string_view bytes(TokenId id) const;    // "" out of range
  TokenId size() const { return static_cast<TokenId>(starts_.size()) - 1; }

 private:
  struct Slot {
    std::uint32_t tag;  // upper half of the hash
    TokenId id = -1;
  };
  void index(TokenId id);

  std::string blob_;                   // the bytes of all tokens, by id
  std::vector<std::uint32_t> starts_;  // where each begins in blob_; one more for the end
  std::vector<Slot> slots_;            // open addressing, a power of two, at most 2/3 full
};

}  // namespace atelier::text
