#include "api/messages_request.h"

#include "api/chat_messages.h"

namespace atelier::api {
namespace {

// Anthropic knows two roles; the system's words stand beside the messages.
Status check_roles(const boost::json::array& messages) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto* message = messages[i].if_object();
    const boost::json::value* role = message == nullptr ? nullptr : message->if_contains("role");
    if (role == nullptr || *role == "user" || *role == "assistant") continue;
    const std::string where = fmt::format("messages[{}].role", i);
    return fail_param(Fault::kBadRequest, where,
                      fmt::format("{} must be \"user\" or \"assistant\", got {}", where, describe(*role)));
  }
  return {};
}

void refuse_tools(FieldReader& reader) {
  if (const auto* tools = reader.array("tools"); tools != nullptr && !tools->empty()) {
    reader.refuse(Fault::kUnsupported, "tools",
                  "tools: tool use is not supported on this route; /v1/chat/completions takes tools");
  }
  reader.value("tool_choice");
  const auto* thinking = reader.object("thinking");
  if (thinking == nullptr) return;
  const boost::json::value* type = thinking->if_contains("type");
  if (type == nullptr || *type != "disabled")
    reader.refuse(Fault::kUnsupported, "thinking", "thinking: only {\"type\": \"disabled\"} is supported");
}

// What both routes have: model, system, messages.
Result<ChatRequest> read_conversation(FieldReader& reader, ChatRequest request) {
  request.model = reader.string("model").value_or("");
  refuse_tools(reader);
  const boost::json::value* system = reader.value("system");
  const boost::json::array* messages = reader.array("messages");
  ATELIER_TRY_STATUS(reader.status());
  if (messages == nullptr) return fail_param(Fault::kBadRequest, "messages", "messages is required");
  ATELIER_TRY_STATUS(check_roles(*messages));
  if (system != nullptr) {
    ATELIER_TRY(const std::string words, read_text_content(*system, "system"));
    request.messages.push_back(boost::json::object{{"role", "system"}, {"content", words}});
  }
  ATELIER_TRY(const boost::json::array said, read_messages(*messages));
  request.messages.insert(request.messages.end(), said.begin(), said.end());
  // an assistant's words at the end are the beginning of the answer
  request.continue_final_message = said.back().at("role") == "assistant";
  request.add_generation_prompt = !request.continue_final_message;
  request.unknown = reader.unread();
  return request;
}

}  // namespace

Result<ChatRequest> parse_messages_request(std::string_view body) {
  return parse_with(body, read_messages_request);
}

Result<ChatRequest> parse_count_tokens_request(std::string_view body) {
  return parse_with(body, read_count_tokens_request);
}

Result<ChatRequest> read_messages_request(FieldReader& reader) {
  ChatRequest request;
  request.max_tokens = reader.integer("max_tokens", 1, kMostTokens);
  read_sampling(reader, request);
  read_stop_strings(reader, "stop_sequences", request);
  request.stream = reader.boolean("stream").value_or(false);
  const auto* output = reader.object("output_config");
  if (reader.object("output_format") != nullptr || (output != nullptr && output->contains("format")))
    reader.refuse(Fault::kUnsupported, "output_format",
                  "output_format is not supported: answers are free text");
  for (const std::string_view ignored : {"metadata", "service_tier"}) reader.value(ignored);
  ATELIER_TRY(request, read_conversation(reader, std::move(request)));
  if (!request.max_tokens) return fail_param(Fault::kBadRequest, "max_tokens", "max_tokens: Field required");
  return request;
}

Result<ChatRequest> read_count_tokens_request(FieldReader& reader) {
  return read_conversation(reader, {});
}

}  // namespace atelier::api
