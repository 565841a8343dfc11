#include "api/reply_parts.h"

#include <algorithm>
#include <string>

namespace atelier::api {

void write_head(JsonWriter& json, const ReplyHead& head, std::string_view object) {
  json.begin_object().member("id", head.id).member("object", object);
  json.member("created", head.created).member("model", head.model);
  json.member("system_fingerprint", head.fingerprint);
}

void write_timings(JsonWriter& json, const Timings& timings) {
  const auto add = [&](std::string_view name, const std::optional<double>& value) {
    json.key(name);
    value ? json.number(*value) : json.null();
  };
  json.key("metrics").begin_object();
  add("time_to_first_token_ms", timings.time_to_first_token_ms);
  add("generation_time_ms", timings.generation_time_ms);
  add("queue_time_ms", timings.queue_time_ms);
  add("mean_itl_ms", timings.mean_itl_ms);
  add("tokens_per_second", timings.tokens_per_second);
  json.end_object();
}

void write_usage(JsonWriter& json, const Usage& usage) {
  json.key("usage").begin_object().member("prompt_tokens", usage.prompt_tokens);
  json.member("total_tokens", usage.prompt_tokens + usage.completion_tokens);
  json.member("completion_tokens", usage.completion_tokens);
  if (usage.cached_tokens) {
    json.key("prompt_tokens_details").begin_object().member("cached_tokens", *usage.cached_tokens);
    json.end_object();
  }
  json.end_object();
  if (usage.timings) write_timings(json, *usage.timings);
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

void write_ids(JsonWriter& json, std::string_view name, std::span<const std::int32_t> ids) {
  json.key(name).begin_array();
  for (const std::int32_t id : ids) json.integer(id);
  json.end_array();
}

void write_prompt_logprobs(JsonWriter& json, const PromptLogprobs& tokens) {
  json.key("prompt_logprobs").begin_array().null();
  for (const std::vector<RankedToken>& token : tokens) {
    json.begin_object();
    for (std::size_t i = 0; i < token.size(); ++i) {
      if (i > 0 && token[i].id == token[0].id) continue;  // the token itself is among the best
      json.key(std::to_string(token[i].id)).begin_object();
      json.key("logprob").number(sayable(token[i].logprob)).member("rank", token[i].rank);
      json.member("decoded_token", token[i].bytes).end_object();
    }
    json.end_object();
  }
  json.end_array();
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
