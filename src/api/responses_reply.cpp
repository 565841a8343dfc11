#include "api/responses_reply.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <optional>
#include <utility>

#include "api/error_body.h"
#include "api/json_writer.h"
#include "api/reply_parts.h"

namespace atelier::api {
namespace {

using boost::json::array;
using boost::json::object;

template <class T>
boost::json::value or_null(const std::optional<T>& value) {
  return value ? boost::json::value_from(*value) : boost::json::value();
}

// Any bytes as JSON can say them: what is not UTF-8 becomes U+FFFD, as in every other reply.
boost::json::value text_json(std::string_view bytes) {
  std::string quoted;
  append_json_string(quoted, bytes);
  return boost::json::parse(quoted);
}

object usage_json(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens},
          {"input_tokens_details", object{{"cached_tokens", usage.cached_tokens.value_or(0)}}},
          {"output_tokens", usage.completion_tokens},
          {"output_tokens_details", object{{"reasoning_tokens", 0}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

class ResponsesFormat final : public ReplyFormat {
 public:
  ResponsesFormat(ReplyHead head, ResponseTerms terms)
      : head_(std::move(head)), terms_(std::move(terms)), item_id_("msg_" + head_.id.substr(5)) {}

  // One event a statement: their numbers run in this order.
  std::string open(const Usage&) override {
    const object begun = response("in_progress", {});
    std::string out = tell("response.created", {{"response", begun}});
    out += tell("response.in_progress", {{"response", begun}});
    out += tell("response.output_item.added", {{"output_index", 0}, {"item", item("in_progress", false)}});
    out += tell_part("response.content_part.added", {{"part", part("")}});
    return out;
  }

  std::string chunk(const Piece& piece) override {
    text_ += piece.text;
    finish_ = piece.finish;
    if (piece.text.empty()) return {};
    return tell_part("response.output_text.delta", {{"delta", text_json(piece.text)}, {"logprobs", array{}}});
  }

  std::string close(const Usage& usage, bool) override {
    const object whole = finished(usage);
    std::string out =
        tell_part("response.output_text.done", {{"text", text_json(text_)}, {"logprobs", array{}}});
    out += tell_part("response.content_part.done", {{"part", part(text_)}});
    out += tell("response.output_item.done", {{"output_index", 0}, {"item", item(status(), true)}});
    const bool completed = status() == "completed";
    out += tell(completed ? "response.completed" : "response.incomplete", {{"response", whole}});
    return out;
  }

  std::string failure(const Failure& failure) override {
    object failed = response("failed", {});
    failed["error"] = object{{"code", "server_error"}, {"message", text_json(failure.message)}};
    return tell("response.failed", {{"response", std::move(failed)}});
  }

  std::string whole(std::span<const Piece> choices, const Usage& usage) override {
    text_ = choices.front().text;
    finish_ = choices.front().finish;
    return boost::json::serialize(finished(usage));
  }

 private:
  std::string_view status() const { return finish_.reason == "length" ? "incomplete" : "completed"; }

  // The whole response; who keeps it hears of it.
  object finished(const Usage& usage) {
    object out = response(status(), array{item(status(), true)});
    if (finish_.reason == "length") out["incomplete_details"] = object{{"reason", "max_output_tokens"}};
    out["usage"] = usage_json(usage);
    if (terms_.keep) terms_.keep(boost::json::serialize(out), text_);
    return out;
  }

  object response(std::string_view status, array output) const {
    object out{{"id", head_.id},
               {"object", "response"},
               {"created_at", head_.created},
               {"status", status},
               {"background", false},
               {"error", nullptr},
               {"incomplete_details", nullptr},
               {"model", head_.model},
               {"output", std::move(output)},
               {"usage", nullptr}};
    for (const auto& [name, value] : terms_.settings) out.insert_or_assign(name, value);
    return out;
  }

  object item(std::string_view status, bool filled) const {
    return {{"id", item_id_},
            {"type", "message"},
            {"status", status},
            {"role", "assistant"},
            {"content", filled ? array{part(text_)} : array{}}};
  }

  static object part(std::string_view text) {
    return {
        {"type", "output_text"}, {"text", text_json(text)}, {"annotations", array{}}, {"logprobs", array{}}};
  }

  std::string tell(std::string_view type, object members) {
    members["type"] = type;
    members["sequence_number"] = next_++;
    return event(type, boost::json::serialize(members));
  }

  // An event about the one part of the one item.
  std::string tell_part(std::string_view type, object members) {
    members["item_id"] = item_id_;
    members["output_index"] = 0;
    members["content_index"] = 0;
    return tell(type, std::move(members));
  }

  const ReplyHead head_;
  const ResponseTerms terms_;
  const std::string item_id_;
  std::string text_;  // so far
  Finish finish_;     // as it came with the last chunk; the choice is still there
  std::int64_t next_ = 0;
};

}  // namespace

object response_settings(const ResponsesRequest& request) {
  const ChatRequest& chat = request.chat;
  const bool goes_on = !request.previous_response_id.empty();
  return {{"instructions", or_null(request.instructions)},
          {"max_output_tokens", or_null(chat.max_tokens)},
          {"metadata", request.metadata},
          {"parallel_tool_calls", true},
          {"previous_response_id",
           goes_on ? boost::json::value(request.previous_response_id) : boost::json::value()},
          {"store", request.store},
          {"temperature", or_null(chat.temperature)},
          {"text", object{{"format", object{{"type", "text"}}}}},
          {"tool_choice", "auto"},
          {"tools", array{}},
          {"top_p", or_null(chat.top_p)},
          {"truncation", "disabled"}};
}

std::unique_ptr<ReplyFormat> responses_format(ReplyHead head, ResponseTerms terms) {
  return std::make_unique<ResponsesFormat>(std::move(head), std::move(terms));
}

std::string deleted_response(std::string_view id) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("id", id)
      .member("object", "response")
      .key("deleted")
      .boolean(true)
      .end_object();
  return out;
}

}  // namespace atelier::api
