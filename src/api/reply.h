// What a reply says, before it is JSON. Each route has its ReplyFormat, which writes it; the session that
// fills it in needs to know none of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace atelier::api {

// One token and its log-probability, with the likeliest others, best first. Texts are a token's bytes,
// perhaps half a character; they belong to the tokenizer.
struct TokenChance {
  std::string_view bytes;
  float logprob = 0;
};
struct TokenLogprobs {
  TokenChance chosen;
  std::vector<TokenChance> top;
  bool known = true;  // false: a prompt's first token, before which there is nothing
};

// One entry of what prompt_logprobs tells of a token of the prompt: the token itself first, then the K best.
struct RankedToken {
  std::int32_t id;
  std::string_view bytes;
  float logprob = 0;
  std::int64_t rank = 0;  // 1 = the likeliest
};
using PromptLogprobs = std::vector<std::vector<RankedToken>>;  // of the prompt's tokens but the first

// How long an answer took, as vLLM tells it; unset: it never came to that. Times count from the moment the
// engine took the request up, except for the wait before it.
struct Timings {
  std::optional<double> time_to_first_token_ms, generation_time_ms, queue_time_ms, mean_itl_ms;
  std::optional<double> tokens_per_second;
};

struct Usage {
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  std::optional<std::int64_t> cached_tokens = {};  // of the prompt; known at the end
  std::optional<Timings> timings = {};             // told as "metrics" where they were asked for
};

// Why a choice ended; both empty while it goes on.
struct Finish {
  std::string_view reason;       // "stop", "length", …
  std::string_view stop_string;  // the one that was met
  std::int32_t stop_id = -1;     // a stop_token_ids' id that was met
};

// Something of one choice: what has just come (a chunk) or all of it (a whole reply).
struct Piece {
  int index = 0;
  std::string_view text;
  bool first = false;                               // of its choice: a chat's first chunk carries the role
  bool has_logprobs = false;                        // asked for
  std::span<const TokenLogprobs> logprobs;          // of the tokens in this piece
  std::size_t text_offset = 0;                      // completions: characters of the choice before this piece
  bool has_token_ids = false;                       // return_token_ids
  std::span<const std::int32_t> token_ids;          // of this piece, with the one that stopped it
  std::span<const std::int32_t> prompt_ids;         // told with a choice's first piece
  const PromptLogprobs* prompt_logprobs = nullptr;  // null = not asked for
  Finish finish;
  const Usage* usage = nullptr;  // a chunk's continuous_usage_stats
};

struct ReplyHead {
  std::string id;  // "chatcmpl-…", "cmpl-…"
  std::string model;
  std::string fingerprint;
  std::string role = "assistant";  // of a chat's answers
  std::int64_t created = 0;        // Unix time, seconds
};

// Writes one reply, as a stream or whole; what a stream sends comes with its framing. One thread at a time.
class ReplyFormat {
 public:
  virtual ~ReplyFormat() = default;
  virtual std::string_view stream_type() const { return kEventStream; }  // Content-Type
  virtual bool opens_with_role() const {
    return false;
  }  // a choice's first chunk comes before its first text

  // A stream: open, chunks, and close or failure. "" = nothing to send.
  virtual std::string open(const Usage&) { return {}; }
  virtual std::string chunk(const Piece& piece) = 0;
  virtual std::string close(const Usage& usage, bool tell_usage) = 0;  // tell_usage: it was asked for
  virtual std::string failure(const Failure& failure) = 0;

  virtual std::string whole(std::span<const Piece> choices, const Usage& usage) = 0;  // JSON

  static constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";
};

std::unique_ptr<ReplyFormat> chat_format(ReplyHead head);
std::unique_ptr<ReplyFormat> completion_format(ReplyHead head);
std::unique_ptr<ReplyFormat> generate_format(std::size_t choices);  // of one request
std::unique_ptr<ReplyFormat> messages_format(ReplyHead head);       // one choice

}  // namespace atelier::api
