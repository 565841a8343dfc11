// What replies share: members of their JSON, and the framing of events.
#pragma once

#include "api/json_writer.h"
#include "api/reply.h"

namespace atelier::api {

// Opens the object: id, object, created, model, system_fingerprint.
void write_head(JsonWriter& json, const ReplyHead& head, std::string_view object);
// "metrics": {…}, as vLLM's --enable-per-request-metrics tells them
void write_timings(JsonWriter& json, const Timings& timings);
// "usage": {…}, and "metrics": {…} where there are timings
void write_usage(JsonWriter& json, const Usage& usage);
// "finish_reason": …, "stop_reason": …
void write_finish(JsonWriter& json, const Finish& finish);
// "name": [ids]
void write_ids(JsonWriter& json, std::string_view name, std::span<const std::int32_t> ids);
// "prompt_logprobs": [null, {"id": {"logprob", "rank", "decoded_token"}, …}, …]
void write_prompt_logprobs(JsonWriter& json, const PromptLogprobs& tokens);
// A log-probability as JSON can say it: minus infinity becomes -9999.
float sayable(float logprob);

// "data: <json>\n\n", and with a name before it "event: <name>\n"
std::string event(std::string_view json);
std::string event(std::string_view name, std::string_view json);
inline constexpr std::string_view kDoneEvent = "data: [DONE]\n\n";

}  // namespace atelier::api
