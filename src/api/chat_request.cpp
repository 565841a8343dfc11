#include "api/chat_request.h"

#include <algorithm>
#include <array>

#include "api/chat_messages.h"
namespace atelier::api {
namespace {

// Template variables that a client may set; the others are ours.
constexpr std::array<std::string_view, 6> kTemplateVariables = {
    "enable_thinking", "thinking", "thinking_budget", "reasoning_effort", "date_string", "documents"};

void read_template_variables(FieldReader& reader, ChatRequest& request) {
  const boost::json::object* variables = reader.object("chat_template_kwargs");
  if (variables == nullptr) return;
  for (const auto& [name, value] : *variables) {
    if (std::ranges::find(kTemplateVariables, std::string_view(name)) == kTemplateVariables.end()) {
      reader.refuse(Fault::kBadRequest, "chat_template_kwargs",
                    fmt::format("chat_template_kwargs may set {}; \"{}\" is not among them",
                                fmt::join(kTemplateVariables, ", "), std::string_view(name).substr(0, 40)));
      return;
    }
    request.template_variables[name] = value;
  }
}

void read_tools(FieldReader& reader, ChatRequest& request) {
  const boost::json::value* choice = reader.value("tool_choice");
  const bool none = choice != nullptr && *choice == "none";
  if (choice != nullptr && !none && *choice != "auto") {
    reader.refuse(Fault::kUnsupported, "tool_choice",
                  "tool_choice must be \"auto\" or \"none\"; forced tool calls are not supported");
  }
  reader.boolean("parallel_tool_calls");
  const boost::json::array* tools = reader.array("tools");
  if (tools == nullptr || none) return;
  if (tools->size() > kMaxTools) {
    reader.refuse(Fault::kBadRequest, "tools",
                  fmt::format("tools has {} entries; the limit is {}", tools->size(), kMaxTools));
    return;
  }
  if (const auto status = check_tools(*tools); !status) {
    reader.refuse(status.error().fault, status.error().param, status.error().message);
    return;
  }
  request.tools = *tools;
}

void read_lengths(FieldReader& reader, ChatRequest& request) {
  const auto old_name = reader.integer("max_tokens", 1, kMostTokens);
  const auto new_name = reader.integer("max_completion_tokens", 1, kMostTokens);
  request.max_tokens = new_name ? new_name : old_name;
  const bool wanted = reader.boolean("logprobs").value_or(false);
  const auto top = reader.integer("top_logprobs", 0, kMaxTopLogprobs);
  if (top.value_or(0) > 0 && !wanted) {
    reader.refuse(Fault::kBadRequest, "top_logprobs",
                  "when using `top_logprobs`, `logprobs` must be set to true");
  }
  if (wanted) request.logprobs = static_cast<std::int32_t>(top.value_or(0));
}

void read_prompt_form(FieldReader& reader, ChatRequest& request) {
  request.continue_final_message = reader.boolean("continue_final_message").value_or(false);
  const auto add = reader.boolean("add_generation_prompt");
  request.add_generation_prompt = add.value_or(!request.continue_final_message);
  request.echo = reader.boolean("echo").value_or(false);
  if (request.continue_final_message && request.add_generation_prompt) {
    reader.refuse(Fault::kBadRequest, "continue_final_message",
                  "continue_final_message and add_generation_prompt cannot both be true");
  }
  if (reader.value("chat_template") != nullptr) {
    reader.refuse(Fault::kUnsupported, "chat_template",
                  "chat_template of a request is not supported; the model's own is used");
  }
  for (const std::string_view name : {"functions", "function_call", "documents"}) {
    if (reader.value(name) != nullptr) {
      reader.refuse(Fault::kUnsupported, name, fmt::format("{} is not supported; see tools", name));
    }
  }
}

}  // namespace

Result<ChatRequest> parse_chat_request(std::string_view body) {
  return parse_with(body, read_chat_request);
}

Result<ChatRequest> read_chat_request(FieldReader& reader) {
  ChatRequest request;
  static_cast<GenerationFields&>(request) = read_generation_fields(reader);
  read_lengths(reader, request);
  read_prompt_form(reader, request);
  read_template_variables(reader, request);
  read_tools(reader, request);
  check_together(reader, request);
  const boost::json::array* messages = reader.array("messages");
  ATELIER_TRY_STATUS(reader.status());
  if (messages == nullptr) return fail_param(Fault::kBadRequest, "messages", "messages is required");
  ATELIER_TRY(request.messages, read_messages(*messages));
  request.unknown = reader.unread();
  return request;
}

}  // namespace atelier::api
