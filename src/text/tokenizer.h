// A Tokenizer turns text into token ids and back: byte-level BPE, equal to Hugging Face `tokenizers`.
// Immutable once built: any number of threads may use one at the same time.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_data.h"

namespace atelier::text {

// kParse: "<|im_end|>" in the text becomes its id. kAsText: it stays text; only added tokens that are not
// special
// (<tool_call>) become theirs, as with `tokenizers`' encode_special_tokens.
enum class Specials { kAsText, kParse };

class Tokenizer {
 public:
  // Refuses data that contradicts itself (merges of unknown tokens, specials out of range, duplicate ids).
  // Specials may lie beyond data.tokens, which then grows to hold them.
  static Result<Tokenizer> create(TokenizerData data);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Any bytes are accepted; invalid UTF-8 becomes U+FFFD as in Python's errors="replace". No BOS is added.
  std::vector<TokenId> encode(std::string_view text, Specials specials) const;

  // The bytes of one token ("" for padding ids and out of range); specials give their text.
  std::string_view bytes(TokenId id) const;

  // Whole text; invalid UTF-8 becomes U+FFFD.
  std::string decode(std::span<const TokenId> ids, bool skip_special_tokens = false) const;

  TokenId size() const;  // ids [0, size()) are real; rows of the model beyond it are padding, never produced
  bool is_special(TokenId id) const;                   // dropped by skip_special_tokens
  TokenId id_of(std::string_view special_text) const;  // -1: no such special token
  const TokenizerData& data() const;

 private:
  struct Tables;
  explicit Tokenizer(std::unique_ptr<Tables> tables);
  std::unique_ptr<Tables> tables_;
};

}  // namespace atelier::text
