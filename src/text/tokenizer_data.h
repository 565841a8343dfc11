// What a tokenizer is made of, whatever file it came in (GGUF metadata or tokenizer.json).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace atelier::text {

using TokenId = std::int32_t;

enum class PreTokenizer { kQwen2, kGpt2, kSmollm, kLlama3 };

struct SpecialToken {
  TokenId id;
  std::string text;
  bool special;  // false: kept by skip_special_tokens (<tool_call>)
};

struct TokenizerData {
  PreTokenizer pre_tokenizer = PreTokenizer::kGpt2;
  bool nfc = false;
  std::vector<std::string> tokens{};  // by id, in byte-level spelling ("Ġworld"); padding ids hold ""
  std::vector<std::string> merges{};  // "Ġ w", in rank order
  std::vector<SpecialToken> specials{};
  TokenId bos = -1, eos = -1;       // -1: none
  std::vector<TokenId> stop_ids{};  // every id that ends generation (eos, eot, generation_config's list)
  bool add_bos = false;
  bool ignore_merges = false;  // llama3: a word that is a token needs no merges to become it
};

}  // namespace atelier::text
