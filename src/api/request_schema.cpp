#include "api/request_schema.h"

#include <boost/json/array.hpp>
#include <limits>

#include "api/chat_request.h"
#include "api/completion_request.h"
#include "api/embedding_request.h"
#include "api/messages_request.h"
#include "api/responses_request.h"
#include "api/tokenize_request.h"

namespace atelier::api {
namespace {

using boost::json::array;
using boost::json::object;

// A field may be null, which is the same as absent.
object nullable(std::string_view type) {
  return {{"type", array{type, "null"}}};
}

object type_schema(const Field& field) {
  using Kind = Field::Kind;
  switch (field.kind) {
    case Kind::kAny:
      return {};
    case Kind::kBoolean:
      return nullable("boolean");
    case Kind::kString:
      return nullable("string");
    case Kind::kArray:
      return nullable("array");
    case Kind::kObject:
      return nullable("object");
    case Kind::kNumber: {
      object schema = nullable("number");
      schema[field.range.above ? "exclusiveMinimum" : "minimum"] = field.range.least;
      schema["maximum"] = field.range.most;
      return schema;
    }
    case Kind::kInteger:
      break;
  }
  object schema = nullable("integer");
  using Limits = std::numeric_limits<std::int64_t>;
  if (field.least != Limits::min()) schema["minimum"] = field.least;
  if (field.most != Limits::max()) schema["maximum"] = field.most;
  return schema;
}

}  // namespace

std::span<const RequestForm> request_forms() {
  static const RequestForm forms[] = {
      {"ChatCompletionRequest", [](FieldReader& reader) { (void)read_chat_request(reader); }, {"messages"}},
      {"CompletionRequest", [](FieldReader& reader) { (void)read_completion_request(reader); }, {"prompt"}},
      {"GenerateRequest", [](FieldReader& reader) { (void)read_generate_request(reader); }, {"prompt"}},
      {"MessagesRequest",
       [](FieldReader& reader) { (void)read_messages_request(reader); },
       {"max_tokens", "messages"}},
      {"CountTokensRequest",
       [](FieldReader& reader) { (void)read_count_tokens_request(reader); },
       {"messages"}},
      {"ResponsesRequest", [](FieldReader& reader) { (void)read_responses_request(reader); }, {"input"}},
      {"EmbeddingRequest", [](FieldReader& reader) { (void)read_embedding_request(reader); }, {"input"}},
      {"TokenizeRequest",
       [](FieldReader& reader) {
         (void)read_tokenize_request(reader);
         (void)read_chat_request(reader);
       }},
      {"DetokenizeRequest", [](FieldReader& reader) { (void)read_detokenize_request(reader); }, {"tokens"}},
  };
  return forms;
}

object request_schema(const RequestForm& form) {
  const object nothing;
  FieldReader reader(nothing);
  form.read(reader);
  object properties;
  for (const Field& field : reader.asked()) {
    object& schema = properties[field.name].is_null() ? properties[field.name].emplace_object()
                                                      : properties[field.name].get_object();
    for (const auto& [name, value] : type_schema(field)) schema.insert_or_assign(name, value);
    const object* note = field_note(form.name, field.name);
    if (note == nullptr) continue;
    for (const auto& [name, value] : *note) schema.insert_or_assign(name, value);
  }
  object schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!form.required.empty()) schema["required"] = array(form.required.begin(), form.required.end());
  return schema;
}

const object* field_note(std::string_view form, std::string_view field) {
  const object& notes = field_notes();
  const boost::json::value* own = notes.if_contains(fmt::format("{}.{}", form, field));
  const boost::json::value* note = own != nullptr ? own : notes.if_contains(field);
  return note == nullptr ? nullptr : &note->get_object();
}

}  // namespace atelier::api
