#include "api/chat_messages.h"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>

#include "api/chat_request.h"
#include "api/field_reader.h"
#include "base/json.h"

namespace atelier::api {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant", "tool"};

std::unexpected<Failure> refuse(const std::string& where, std::string_view why) {
  return fail_param(Fault::kBadRequest, where, fmt::format("{} {}", where, why));
}

Result<std::string> join_parts(const boost::json::array& parts, const std::string& where) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string here = fmt::format("{}[{}]", where, i);
    if (i > 0) text += '\n';
    if (const auto* plain = parts[i].if_string()) {
      text += std::string_view(*plain);
      continue;
    }
    const auto* part = parts[i].if_object();
    if (part == nullptr) return refuse(here, "must be an object, got " + describe(parts[i]));
    const boost::json::value* type = part->if_contains("type");
    if (type == nullptr || !type->is_string()) return refuse(here + ".type", "is required");
    const bool text_part = *type == "text" || *type == "input_text" || *type == "output_text";
    if (!text_part && *type != "refusal") {
      return fail_param(
          Fault::kUnsupported, here,
          fmt::format("{} has the type {}; this model reads only \"text\"", here, describe(*type)));
    }
    const boost::json::value* words = part->if_contains(text_part ? "text" : "refusal");
    if (words == nullptr || !words->is_string()) return refuse(here + ".text", "must be a string");
    text += std::string_view(words->get_string());
  }
  return text;
}

// A call's arguments come as JSON text; templates print them as JSON again.
Result<boost::json::value> read_arguments(const boost::json::value* arguments, const std::string& where) {
  if (arguments == nullptr || arguments->is_null()) return boost::json::object();
  if (arguments->is_object()) return *arguments;
  if (!arguments->is_string()) return refuse(where, "must be a string of JSON, got " + describe(*arguments));
  const std::string_view text = arguments->get_string();
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return boost::json::object();
  auto parsed = parse_json(text);
  if (!parsed) return refuse(where, "is not JSON: " + parsed.error().message);
  return parsed;
}

Result<boost::json::array> read_tool_calls(const boost::json::array& calls, const std::string& where) {
  if (calls.size() > kMaxTools) return refuse(where, fmt::format("has more than {} entries", kMaxTools));
  boost::json::array out;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string here = fmt::format("{}[{}]", where, i);
    const auto* call = calls[i].if_object();
    const boost::json::value* inner = call == nullptr ? nullptr : call->if_contains("function");
    const auto* function = inner == nullptr ? nullptr : inner->if_object();
    const boost::json::value* name = function == nullptr ? nullptr : function->if_contains("name");
    if (name == nullptr || !name->is_string()) return refuse(here + ".function.name", "must be a string");
    ATELIER_TRY(auto arguments,
                read_arguments(function->if_contains("arguments"), here + ".function.arguments"));
    boost::json::object copy;
    if (const boost::json::value* id = call->if_contains("id"); id != nullptr && id->is_string())
      copy["id"] = *id;
    copy["type"] = "function";
    copy["function"] = boost::json::object{{"name", *name}, {"arguments", std::move(arguments)}};
    out.push_back(std::move(copy));
  }
  return out;
}

// null stands for an assistant's empty text.
Result<std::string> read_content(const boost::json::value* content, const std::string& where, bool required) {
  if (content != nullptr && !content->is_null()) return read_text_content(*content, where);
  if (required) return refuse(where, "is required");
  return std::string();
}

Result<boost::json::object> read_message(const boost::json::value& value, const std::string& where) {
  const auto* message = value.if_object();
  if (message == nullptr) return refuse(where, "must be an object, got " + describe(value));
  const boost::json::value* role = message->if_contains("role");
  if (role == nullptr || !role->is_string())
    return refuse(where + ".role", "is required and must be a string");
  if (std::ranges::find(kRoles, std::string_view(role->get_string())) == kRoles.end()) {
    return refuse(where + ".role",
                  fmt::format("must be one of {}, got {}", fmt::join(kRoles, ", "), describe(*role)));
  }
  boost::json::object out;
  out["role"] = *role == "developer" ? boost::json::value("system") : *role;
  const bool assistant = *role == "assistant";
  ATELIER_TRY(out["content"], read_content(message->if_contains("content"), where + ".content", !assistant));
  for (const std::string_view name : {"name", "tool_call_id", "reasoning_content"}) {
    const boost::json::value* text = message->if_contains(name);
    if (text == nullptr || text->is_null()) continue;
    if (!text->is_string()) return refuse(fmt::format("{}.{}", where, name), "must be a string");
    out[name] = *text;
  }
  const boost::json::value* calls = message->if_contains("tool_calls");
  if (calls != nullptr && !calls->is_null()) {
    if (!calls->is_array()) return refuse(where + ".tool_calls", "must be a list");
    ATELIER_TRY(auto list, read_tool_calls(calls->get_array(), where + ".tool_calls"));
    if (!list.empty()) out["tool_calls"] = std::move(list);
  }
  return out;
}

}  // namespace

Result<boost::json::array> read_messages(const boost::json::array& messages, std::string_view field) {
  const std::string name(field);
  if (messages.empty()) return refuse(name, "must hold at least one message");
  if (messages.size() > kMaxMessages) {
    return refuse(name, fmt::format("has {} entries; the limit is {}", messages.size(), kMaxMessages));
  }
  boost::json::array out;
  out.reserve(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    ATELIER_TRY(auto message, read_message(messages[i], fmt::format("{}[{}]", name, i)));
    out.push_back(std::move(message));
  }
  return out;
}

Result<std::string> read_text_content(const boost::json::value& content, const std::string& where) {
  if (content.is_string()) return std::string(content.get_string());
  if (content.is_array()) return join_parts(content.get_array(), where);
  return refuse(where, "must be a string or a list of parts, got " + describe(content));
}

Status check_tools(const boost::json::array& tools) {
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const std::string where = fmt::format("tools[{}]", i);
    const auto* tool = tools[i].if_object();
    const boost::json::value* type = tool == nullptr ? nullptr : tool->if_contains("type");
    if (type == nullptr || *type != "function") return refuse(where + ".type", "must be \"function\"");
    const boost::json::value* function = tool->if_contains("function");
    const boost::json::value* name =
        function == nullptr || !function->is_object() ? nullptr : function->get_object().if_contains("name");
    if (name == nullptr || !name->is_string() || name->get_string().empty()) {
      return refuse(where + ".function.name", "must be a string");
    }
  }
  return {};
}

}  // namespace atelier::api
