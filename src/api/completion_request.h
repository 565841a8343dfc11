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
Result<CompletionRequest> read_completion_request(FieldReader& reader);

// The body of vLLM's older POST /generate: one prompt, and the answer's text begins with it.
Result<CompletionRequest> parse_generate_request(std::string_view body);
Result<CompletionRequest> read_generate_request(FieldReader& reader);

// A string, a list of strings, a list of ids, or a list of lists of ids; `name` is the field's.
Result<std::vector<Prompt>> read_prompts(std::string_view name, const boost::json::value& value,
                                         std::size_t most);

}  // namespace atelier::api
