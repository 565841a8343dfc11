// A WordScanner cuts text into the words that BPE works on, exactly as the regular expression of the model's
// pre-tokenizer would, in one pass and without a regular-expression engine.
#pragma once

#include <string_view>

#include "text/tokenizer_data.h"

namespace atelier::text {

// The patterns (alternatives in this order at each place; the engine is Oniguruma's):
//   qwen2   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
//           \s+(?!\S)|\s+
//   llama3  the same with \p{N}{1,3}
//   gpt2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//   smollm  every digit apart first; gpt2 inside each piece between
class WordScanner {
 public:
  // `text` must be valid UTF-8 and outlive the scanner. Linear in the text, whatever it holds.
  WordScanner(PreTokenizer kind, std::string_view text)
      : kind_(kind), at_(text.data()), piece_end_(text.data()), end_(text.data() + text.size()) {}

  std::string_view next();  // "" at the end; words are never empty and leave no gap

 private:
  const char* next_smollm();

  PreTokenizer kind_;
  const char* at_;
  const char* piece_end_;  // smollm: where the piece without digits that holds at_ ends
  const char* end_;
};

}  // namespace atelier::text
