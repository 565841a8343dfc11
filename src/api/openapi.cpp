#include "api/openapi.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "api/reply_schemas.h"
#include "api/request_schema.h"

namespace atelier::api {
namespace {

using boost::json::array;
using boost::json::object;

constexpr std::string_view kAbout =
    "A language model over HTTP: OpenAI's and Anthropic's interfaces, and vLLM's extensions of them. A field "
    "that is null is the same as one that is absent; a field that is not known here is named in the server's "
    "log and has no effect.";

object reference(std::string_view schema) {
  return {{"$ref", fmt::format("#/components/schemas/{}", schema)}};
}

object content(std::string_view type, std::string_view schema) {
  return {{type, object{{"schema", reference(schema)}}}};
}

// "chat_completions_post": unique, as a method has one handler on a path.
std::string operation_id(const Operation& operation) {
  std::string id;
  for (const char c : operation.path) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (word) id += c;
    if (!word && !id.empty() && id.back() != '_') id += '_';
  }
  if (!id.ends_with('_')) id += '_';
  for (const char c : operation.method) id += static_cast<char>(c - 'A' + 'a');
  return id;
}

object good_reply(const Operation& operation) {
  object reply{{"description", "The answer"}};
  if (operation.reply.empty()) return reply;
  object forms = operation.reply == "Text"
                     ? object{{operation.reply_type, object{{"schema", object{{"type", "string"}}}}}}
                     : content(operation.reply_type, operation.reply);
  if (!operation.stream.empty())
    forms[operation.stream_type] = object{{"schema", reference(operation.stream)}};
  reply["content"] = std::move(forms);
  return reply;
}

object describe_operation(const Operation& operation) {
  object out{{"tags", array{operation.tag}},
             {"summary", operation.summary},
             {"operationId", operation_id(operation)}};
  const std::size_t open = operation.path.find('{'), shut = operation.path.find('}');
  if (open != std::string_view::npos) {
    out["parameters"] = array{object{{"name", operation.path.substr(open + 1, shut - open - 1)},
                                     {"in", "path"},
                                     {"required", true},
                                     {"schema", object{{"type", "string"}}}}};
  }
  if (!operation.request.empty())
    out["requestBody"] =
        object{{"required", true}, {"content", content("application/json", operation.request)}};
  const std::string_view error = operation.errors == ErrorShape::kAnthropic ? "AnthropicError" : "Error";
  out["responses"] = object{{"200", good_reply(operation)},
                            {"default", object{{"description", "What went wrong"},
                                               {"content", content("application/json", error)}}}};
  return out;
}

}  // namespace

std::string openapi_document(std::span<const Operation> operations, std::string_view version) {
  object paths;
  for (const Operation& operation : operations) {
    std::string method(operation.method);
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    boost::json::value& path = paths[operation.path];
    (path.is_null() ? path.emplace_object() : path.get_object())[method] = describe_operation(operation);
  }
  object schemas = reply_schemas();
  for (const RequestForm& form : request_forms()) schemas[form.name] = request_schema(form);
  const object key{{"type", "http"}, {"scheme", "bearer"}};
  const object document{
      {"openapi", "3.1.0"},
      {"info", object{{"title", "Atelier"}, {"version", version}, {"description", kAbout}}},
      {"security", array{object{}, object{{"key", array{}}}}},  // with a key or, where none is set, without
      {"paths", std::move(paths)},
      {"components", object{{"schemas", std::move(schemas)}, {"securitySchemes", object{{"key", key}}}}}};
  return boost::json::serialize(document);
}

}  // namespace atelier::api
