// A CompletionRequest is the body of POST /v1/completions, checked and typed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/generation_fields.h"
#include "base/result.h"

namespace atelier::api {

inline constexpr std::size_t kMaxPrompts = 128;
inline constexpr std::size_t kMaxCompletions = 128;  // prompts x best_of
inline constexpr std::int64_t kMaxBestOf = 20;       // OpenAI's

using Prompt = std::variant<std::string, std::vector<std::int32_t>>;  // text, or token ids (not negative)

struct CompletionRequest : GenerationFields {
  std::vector<Prompt> prompts;  // not empty
  bool echo = false;            // the prompt's text comes first
};

// `body` is the raw JSON text. Any thread.
Result<CompletionRequest> parse_completion_request(std::string_view body);

}  // namespace atelier::api
