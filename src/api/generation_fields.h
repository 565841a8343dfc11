// What chat and completion requests have in common: how to generate. Every value here has been range-checked;
// nullopt = the client said nothing, and the model's own defaults hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/field_reader.h"

namespace atelier::api {

inline constexpr std::int64_t kMaxChoices = 8;        // n
inline constexpr std::int64_t kMaxTopLogprobs = 20;   // per token
inline constexpr std::size_t kMaxStops = 16;          // stop strings
inline constexpr std::size_t kMaxStopBytes = 4096;    // of one stop string
inline constexpr std::size_t kMaxStopTokenIds = 256;  // stop_token_ids

struct GenerationFields {
  std::string model;  // "" = whichever is served
  std::optional<float> temperature, top_p, min_p;
  std::optional<std::int32_t> top_k;  // 0 = off
  std::optional<float> repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> max_tokens;  // >= 1 (completions with echo: >= 0)
  std::vector<std::string> stop;
  std::vector<std::int32_t> stop_token_ids;  // not negative
  bool include_stop_str_in_output = false, ignore_eos = false, skip_special_tokens = true;
  int n = 1;
  std::int32_t logprobs = -1;  // -1 = none; K = the chosen token's and the K best
  bool stream = false, include_usage = false, continuous_usage = false;
  std::vector<std::string> unknown;  // fields that nobody here knows
};

// Reads them all; what is wrong stays in `reader`. max_tokens and logprobs are read by the two callers, as
// their rules differ.
GenerationFields read_generation_fields(FieldReader& reader);

// Parts of it, for requests of another make: temperature, top_p, …, seed; and stop strings in field `name`.
void read_sampling(FieldReader& reader, GenerationFields& fields);
void read_stop_strings(FieldReader& reader, std::string_view name, GenerationFields& fields);

inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 40;  // of any max_tokens

}  // namespace atelier::api
