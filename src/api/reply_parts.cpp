#include "api/reply_parts.h"

#include <algorithm>

namespace atelier::api {

void write_head(JsonWriter& json, const ReplyHead& head, std::string_view object) {
  json.begin_object().member("id", head.id).member("object", object);
  json.member("created", head.created).member("model", head.model);
  json.member("system_fingerprint", head.fingerprint);
}

void write_usage(JsonWriter& json, const Usage& usage) {
  json.key("usage").begin_object().member("prompt_tokens", usage.prompt_tokens);
  json.member("total_tokens", usage.prompt_tokens + usage.completion_tokens);
  json.member("completion_tokens", usage.completion_tokens).end_object();
}

void write_finish(JsonWriter& json, const Finish& finish) {
  json.key("finish_reason");
  finish.reason.empty() ? json.null() : json.string(finish.reason);
  json.key("stop_reason");
  if (!finish.stop_string.empty()) {
    json.string(finish.stop_string);
  } else if (finish.stop_id >= 0) {
    json.integer(finish.stop_id);
  } else {
    json.null();
  }
}

float sayable(float logprob) {
  constexpr float kLeast = -9999.0f;
  return logprob >= kLeast ? logprob : kLeast;
}

std::string event(std::string_view json) {
  std::string out;
  out.reserve(json.size() + 8);
  return out.append("data: ").append(json).append("\n\n");
}

std::string event(std::string_view name, std::string_view json) {
  return fmt::format("event: {}\ndata: {}\n\n", name, json);
}

}  // namespace atelier::api
