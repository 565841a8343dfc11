// What chat and completion requests have in common: how to generate. Every value here has been range-checked;
// nullopt = the client said nothing, and the model's own defaults hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/field_reader.h"
#include "api/restriction_fields.h"

namespace atelier::api {

inline constexpr std::int64_t kMaxChoices = 8;  // n
inline constexpr std::int64_t kMaxTopLogprobs = 1
                                                << 20;  // per token; a server allows far fewer (max_logprobs)
inline constexpr std::size_t kMaxStops = 16;            // stop strings
inline constexpr std::size_t kMaxStopBytes = 4096;      // of one stop string
inline constexpr std::size_t kMaxStopTokenIds = 256;    // stop_token_ids
inline constexpr std::size_t kMaxCacheSaltBytes = 1024, kMaxRequestIdBytes = 128;

// Beam search instead of sampling: best_of is its width.
struct BeamFields {
  bool wanted = false;
  double length_penalty = 1.0;  // a beam's score is its log-probability / its tokens ^ this
};

// Which part of a prompt is kept where it may not be kept whole.
struct Truncation {
  std::int64_t tokens = 0;  // -1: as many as the context holds beside the answer
  bool keep_first = false;  // else the last ones
};

struct GenerationFields : RestrictionFields {
  std::string model;  // "" = whichever is served
  std::optional<float> temperature, top_p, min_p;
  std::optional<std::int32_t> top_k;  // 0 = off
  std::optional<float> repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> max_tokens;  // >= 1 (completions with echo: >= 0)
  std::vector<std::string> stop;
  std::vector<std::int32_t> stop_token_ids;  // not negative
  bool include_stop_str_in_output = false, ignore_eos = false, skip_special_tokens = true;
  int n = 1, best_of = 1;             // best_of answers are made, the n likeliest told; >= n
  std::int32_t logprobs = -1;         // -1 = none; K = the chosen token's and the K best
  std::int32_t prompt_logprobs = -1;  // the same of the prompt's tokens
  bool return_token_ids = false;
  bool per_request_metrics = false;  // ours: what vLLM has a flag of the server for
  BeamFields beam;
  std::optional<Truncation> truncate_prompt;
  std::int32_t priority = 0;           // lower runs earlier where the server schedules by it
  std::string cache_salt, request_id;  // "" = not given
  bool stream = false, include_usage = false, continuous_usage = false;
  std::vector<std::string> unknown;  // fields that nobody here knows
};

// Harmless in a log and in a header.
bool is_request_id(std::string_view text);

// Reads them all; what is wrong stays in `reader`. max_tokens and logprobs are read by the two callers, as
// their rules differ.
GenerationFields read_generation_fields(FieldReader& reader);

// What depends on several fields, once the callers have read theirs.
void check_together(FieldReader& reader, const GenerationFields& fields);
// Parts of it, for requests of another make: temperature, top_p, …, seed; and stop strings in field `name`.
void read_sampling(FieldReader& reader, GenerationFields& fields);
void read_stop_strings(FieldReader& reader, std::string_view name, GenerationFields& fields);

inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 40;  // of any max_tokens

}  // namespace atelier::api
