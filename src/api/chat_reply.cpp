// The replies of /v1/chat/completions: chat.completion and chat.completion.chunk.
#include "api/error_body.h"
#include "api/reply.h"
#include "api/reply_parts.h"

namespace atelier::api {
namespace {

void write_chance(JsonWriter& json, const TokenChance& chance) {
  json.member("token", chance.bytes).key("logprob").number(sayable(chance.logprob));
  json.key("bytes").begin_array();
  for (const char byte : chance.bytes) json.integer(static_cast<unsigned char>(byte));
  json.end_array();
}

void write_logprobs(JsonWriter& json, const Piece& piece) {
  json.key("logprobs");
  if (!piece.has_logprobs || (piece.logprobs.empty() && piece.text.empty())) {
    json.null();
    return;
  }
  json.begin_object().key("content").begin_array();
  for (const TokenLogprobs& token : piece.logprobs) {
    json.begin_object();
    write_chance(json, token.chosen);
    json.key("top_logprobs").begin_array();
    for (const TokenChance& other : token.top) {
      json.begin_object();
      write_chance(json, other);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

void write_choice_end(JsonWriter& json, const Piece& piece) {
  write_finish(json, piece.finish);
  if (piece.has_token_ids) write_ids(json, "token_ids", piece.token_ids);
  json.end_object();
}

// All choices have the same prompt: it is told once.
void write_prompt(JsonWriter& json, const Piece& piece) {
  if (piece.prompt_logprobs != nullptr) write_prompt_logprobs(json, *piece.prompt_logprobs);
  if (!piece.prompt_ids.empty()) write_ids(json, "prompt_token_ids", piece.prompt_ids);
}

class ChatFormat final : public ReplyFormat {
 public:
  explicit ChatFormat(ReplyHead head) : head_(std::move(head)) {}

  bool opens_with_role() const override { return true; }

  std::string chunk(const Piece& piece) override {
    std::string out;
    JsonWriter json(out);
    write_head(json, head_, "chat.completion.chunk");
    json.key("choices").begin_array().begin_object().member("index", piece.index);
    json.key("delta").begin_object();
    if (piece.first) json.member("role", head_.role);
    if (piece.first || !piece.text.empty()) json.member("content", piece.text);
    json.end_object();
    write_logprobs(json, piece);
    write_choice_end(json, piece);
    json.end_array();
    write_prompt(json, piece);
    if (piece.usage != nullptr) write_usage(json, *piece.usage);
    json.end_object();
    return event(out);
  }

  std::string close(const Usage& usage, bool tell_usage) override {
    if (!tell_usage) return std::string(kDoneEvent);
    std::string out;
    JsonWriter json(out);
    write_head(json, head_, "chat.completion.chunk");
    json.key("choices").begin_array().end_array();
    write_usage(json, usage);
    json.end_object();
    return event(out) + std::string(kDoneEvent);
  }

  std::string failure(const Failure& failure) override {
    return event(error_body(failure)) + std::string(kDoneEvent);
  }

  std::string whole(std::span<const Piece> choices, const Usage& usage) override {
    std::string out;
    JsonWriter json(out);
    write_head(json, head_, "chat.completion");
    json.key("choices").begin_array();
    for (const Piece& choice : choices) {
      json.begin_object().member("index", choice.index);
      json.key("message").begin_object().member("role", head_.role).member("content", choice.text);
      json.key("refusal").null().end_object();
      write_logprobs(json, choice);
      write_choice_end(json, choice);
    }
    json.end_array();
    write_usage(json, usage);
    if (!choices.empty()) write_prompt(json, choices.front());
    json.end_object();
    return out;
  }

 private:
  const ReplyHead head_;
};

}  // namespace

std::unique_ptr<ReplyFormat> chat_format(ReplyHead head) {
  return std::make_unique<ChatFormat>(std::move(head));
}

}  // namespace atelier::api
