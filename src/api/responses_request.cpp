#include "api/responses_request.h"

#include "api/chat_messages.h"

namespace atelier::api {
namespace {

constexpr std::size_t kMaxMetadataBytes = 512;

// A string is what the user says; a list holds messages, and reasoning of the past, which is passed over.
Result<boost::json::array> read_input(const boost::json::value& input) {
  if (input.is_string()) return boost::json::array{boost::json::object{{"role", "user"}, {"content", input}}};
  const auto* items = input.if_array();
  if (items == nullptr)
    return fail_param(Fault::kBadRequest, "input",
                      fmt::format("input must be a string or a list of items, got {}", describe(input)));
  boost::json::array messages;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const auto* item = (*items)[i].if_object();
    const boost::json::value* type = item == nullptr ? nullptr : item->if_contains("type");
    if (type != nullptr && *type == "reasoning") continue;
    if (type != nullptr && !type->is_null() && *type != "message") {
      const std::string where = fmt::format("input[{}]", i);
      return fail_param(
          Fault::kUnsupported, where,
          fmt::format("{} has the type {}; only \"message\" is supported", where, describe(*type)));
    }
    messages.push_back((*items)[i]);
  }
  return read_messages(messages, "input");
}

void read_metadata(FieldReader& reader, ResponsesRequest& request) {
  const boost::json::object* metadata = reader.object("metadata");
  if (metadata == nullptr) return;
  bool fits = metadata->size() <= kMaxMetadata;
  for (const auto& [name, value] : *metadata) {
    fits = fits && name.size() <= kMaxMetadataBytes && value.is_string() &&
           value.get_string().size() <= kMaxMetadataBytes;
  }
  if (fits) {
    request.metadata = *metadata;
  } else {
    reader.refuse(Fault::kBadRequest, "metadata",
                  fmt::format("metadata may hold {} strings of at most {} bytes each", kMaxMetadata,
                              kMaxMetadataBytes));
  }
}

void refuse_foreign(FieldReader& reader) {
  const auto refuse = [&](std::string_view name, std::string_view why) {
    reader.refuse(Fault::kUnsupported, name, fmt::format("{}: {}", name, why));
  };
  if (reader.boolean("background").value_or(false)) refuse("background", "background=true is not supported");
  if (const auto* tools = reader.array("tools"); tools != nullptr && !tools->empty())
    refuse("tools", "tools are not supported on this route; /v1/chat/completions takes them");
  if (const auto* text = reader.object("text"); text != nullptr && text->contains("format")) {
    const auto* format = text->at("format").if_object();
    const boost::json::value* type = format == nullptr ? nullptr : format->if_contains("type");
    if (type == nullptr || *type != "text")
      refuse("text", "only the format {\"type\": \"text\"} is supported");
  }
  if (const auto truncation = reader.string("truncation"); truncation && *truncation != "disabled")
    refuse("truncation", "only \"disabled\" is supported: what is too long is refused, not cut");
  if (reader.integer("top_logprobs", 0, kMaxTopLogprobs).value_or(0) > 0)
    refuse("top_logprobs", "log-probabilities are not supported on this route");
  for (const std::string_view name : {"prompt", "conversation"})
    if (reader.value(name) != nullptr)
      refuse(name, "not supported; previous_response_id goes on with a response");
  for (const std::string_view ignored :
       {"tool_choice", "parallel_tool_calls", "max_tool_calls", "include", "reasoning", "service_tier",
        "user", "stream_options", "safety_identifier", "prompt_cache_key"})
    reader.value(ignored);
}

}  // namespace

Result<ResponsesRequest> parse_responses_request(std::string_view body) {
  return parse_with(body, read_responses_request);
}

Result<ResponsesRequest> read_responses_request(FieldReader& reader) {
  ResponsesRequest request;
  request.chat.model = reader.string("model").value_or("");
  read_sampling(reader, request.chat);
  request.chat.max_tokens = reader.integer("max_output_tokens", 1, kMostTokens);
  request.chat.stream = reader.boolean("stream").value_or(false);
  request.instructions = reader.string("instructions");
  request.previous_response_id = reader.string("previous_response_id").value_or("");
  request.store = reader.boolean("store").value_or(true);
  read_metadata(reader, request);
  refuse_foreign(reader);
  const boost::json::value* input = reader.value("input");
  ATELIER_TRY_STATUS(reader.status());
  if (input == nullptr) return fail_param(Fault::kBadRequest, "input", "input is required");
  ATELIER_TRY(request.chat.messages, read_input(*input));
  request.chat.unknown = reader.unread();
  return request;
}

}  // namespace atelier::api
