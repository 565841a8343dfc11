// Fields that forbid or favour single tokens, as OpenAI and vLLM name them. Whether ids are in the vocabulary
// only the server knows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/field_reader.h"

namespace atelier::api {

inline constexpr std::size_t kMaxLogitBias = 1024;
inline constexpr double kMostLogitBias = 100.0;
inline constexpr std::size_t kMaxBadWords = 1024;
inline constexpr std::size_t kMaxBadWordBytes = 256;

struct TokenBias {
  std::int32_t id;  // not negative
  float bias;       // of at most kMostLogitBias either way
};

struct RestrictionFields {
  std::vector<TokenBias> logit_bias;
  std::vector<std::int32_t> allowed_token_ids;  // empty = all; not negative
  std::vector<std::string> bad_words;           // none empty
  std::int64_t min_tokens = 0;
};

// What is wrong stays in `reader`.
RestrictionFields read_restriction_fields(FieldReader& reader);

}  // namespace atelier::api
