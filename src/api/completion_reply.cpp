// The replies of /v1/completions: text_completion, the same shape streamed and whole.
#include <algorithm>

#include "api/error_body.h"
#include "api/reply.h"
#include "api/reply_parts.h"

namespace atelier::api {
namespace {

// Characters that begin in `bytes`: a token may hold parts of one.
std::size_t characters(std::string_view bytes) {
  return static_cast<std::size_t>(std::ranges::count_if(
      bytes, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

void write_logprobs(JsonWriter& json, const Piece& piece) {
  json.key("logprobs");
  if (!piece.has_logprobs) {
    json.null();
    return;
  }
  json.begin_object().key("tokens").begin_array();
  for (const TokenLogprobs& token : piece.logprobs) json.string(token.chosen.bytes);
  json.end_array().key("token_logprobs").begin_array();
  for (const TokenLogprobs& token : piece.logprobs) {
    token.known ? json.number(sayable(token.chosen.logprob)) : json.null();
  }
  json.end_array().key("top_logprobs").begin_array();
  for (const TokenLogprobs& token : piece.logprobs) {
    if (!token.known) {
      json.null();
      continue;
    }
    json.begin_object();
    for (const TokenChance& other : token.top) json.key(other.bytes).number(sayable(other.logprob));
    const bool among =
        std::ranges::find(token.top, token.chosen.bytes, &TokenChance::bytes) != token.top.end();
    if (!among) json.key(token.chosen.bytes).number(sayable(token.chosen.logprob));
    json.end_object();
  }
  json.end_array().key("text_offset").begin_array();
  std::size_t offset = piece.text_offset;
  for (const TokenLogprobs& token : piece.logprobs) {
    json.integer(static_cast<std::int64_t>(offset));
    offset += characters(token.chosen.bytes);
  }
  json.end_array().end_object();
}

void write_choice(JsonWriter& json, const Piece& piece) {
  json.begin_object().member("index", piece.index).member("text", piece.text);
  write_logprobs(json, piece);
  write_finish(json, piece.finish);
  if (piece.prompt_logprobs != nullptr) write_prompt_logprobs(json, *piece.prompt_logprobs);
  if (piece.has_token_ids) write_ids(json, "token_ids", piece.token_ids);
  if (!piece.prompt_ids.empty()) write_ids(json, "prompt_token_ids", piece.prompt_ids);
  json.end_object();
}

class CompletionFormat final : public ReplyFormat {
 public:
  explicit CompletionFormat(ReplyHead head) : head_(std::move(head)) {}

  std::string chunk(const Piece& piece) override { return event(write(std::span(&piece, 1), piece.usage)); }
  std::string close(const Usage& usage, bool tell_usage) override {
    return (tell_usage ? event(write({}, &usage)) : "") + std::string(kDoneEvent);
  }
  std::string failure(const Failure& failure) override {
    return event(error_body(failure)) + std::string(kDoneEvent);
  }
  std::string whole(std::span<const Piece> choices, const Usage& usage) override {
    return write(choices, &usage);
  }

 private:
  std::string write(std::span<const Piece> choices, const Usage* usage) const {
    std::string out;
    JsonWriter json(out);
    write_head(json, head_, "text_completion");
    json.key("choices").begin_array();
    for (const Piece& choice : choices) write_choice(json, choice);
    json.end_array();
    if (usage != nullptr) write_usage(json, *usage);
    json.end_object();
    return out;
  }

  const ReplyHead head_;
};

}  // namespace

std::unique_ptr<ReplyFormat> completion_format(ReplyHead head) {
  return std::make_unique<CompletionFormat>(std::move(head));
}

}  // namespace atelier::api
