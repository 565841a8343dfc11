// The replies of Anthropic's POST /v1/messages: a message, or the events that make one.
#include "api/error_body.h"
#include "api/messages_request.h"
#include "api/reply.h"
#include "api/reply_parts.h"

namespace atelier::api {
namespace {

std::string_view stop_reason(const Finish& finish) {
  if (finish.reason == "length") return "max_tokens";
  return finish.stop_string.empty() ? "end_turn" : "stop_sequence";
}

void write_stop(JsonWriter& json, const Finish& finish) {
  json.key("stop_reason");
  finish.reason.empty() ? json.null() : json.string(stop_reason(finish));
  json.key("stop_sequence");
  finish.stop_string.empty() ? json.null() : json.string(finish.stop_string);
}

void write_tokens(JsonWriter& json, const Usage& usage) {
  json.key("usage").begin_object().member("input_tokens", usage.prompt_tokens);
  json.member("output_tokens", usage.completion_tokens).end_object();
}

class MessagesFormat final : public ReplyFormat {
 public:
  explicit MessagesFormat(ReplyHead head) : head_(std::move(head)) {}

  std::string open(const Usage& usage) override {
    std::string start;
    JsonWriter json(start);
    json.begin_object().member("type", "message_start").key("message");
    write_message(json, nullptr, usage);
    json.end_object();
    return event("message_start", start) +
           event("content_block_start",
                 R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})") +
           event("ping", R"({"type":"ping"})");
  }

  std::string chunk(const Piece& piece) override {
    finish_ = piece.finish;
    if (piece.text.empty()) return {};
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("type", "content_block_delta").member("index", 0);
    json.key("delta").begin_object().member("type", "text_delta").member("text", piece.text).end_object();
    json.end_object();
    return event("content_block_delta", out);
  }

  std::string close(const Usage& usage, bool) override {
    std::string delta;
    JsonWriter json(delta);
    json.begin_object().member("type", "message_delta").key("delta").begin_object();
    write_stop(json, finish_);
    json.end_object();
    write_tokens(json, usage);
    json.end_object();
    return event("content_block_stop", R"({"type":"content_block_stop","index":0})") +
           event("message_delta", delta) + event("message_stop", R"({"type":"message_stop"})");
  }

  std::string failure(const Failure& failure) override {
    return event("error", error_body(failure, ErrorShape::kAnthropic));
  }

  std::string whole(std::span<const Piece> choices, const Usage& usage) override {
    std::string out;
    JsonWriter json(out);
    write_message(json, &choices.front(), usage);
    return out;
  }

 private:
  // `piece`: all of the answer, or nullptr where it has yet to come.
  void write_message(JsonWriter& json, const Piece* piece, const Usage& usage) const {
    json.begin_object().member("id", head_.id).member("type", "message").member("role", "assistant");
    json.member("model", head_.model).key("content").begin_array();
    if (piece != nullptr) json.begin_object().member("type", "text").member("text", piece->text).end_object();
    json.end_array();
    write_stop(json, piece == nullptr ? Finish{} : piece->finish);
    write_tokens(json, usage);
    json.end_object();
  }

  const ReplyHead head_;
  Finish finish_;  // as it came with the last chunk; the choice is still there
};

}  // namespace

std::unique_ptr<ReplyFormat> messages_format(ReplyHead head) {
  return std::make_unique<MessagesFormat>(std::move(head));
}

std::string count_tokens_reply(std::int64_t input_tokens) {
  std::string out;
  JsonWriter(out).begin_object().member("input_tokens", input_tokens).end_object();
  return out;
}

}  // namespace atelier::api
