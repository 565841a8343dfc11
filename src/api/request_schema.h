// The schemas of requests, as /openapi.json shows them. Each is made by the request's own parser, run on
// nothing: what it asks for is what a request may hold. Only words and nested shapes are added (field_notes).
#pragma once

#include <boost/json/object.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "api/field_reader.h"

namespace atelier::api {

struct RequestForm {
  std::string_view name;                        // "ChatCompletionRequest"
  void (*read)(FieldReader&);                   // its parser; what it says of an empty object is no matter
  std::vector<std::string_view> required = {};  // fields without which it is refused
};

std::span<const RequestForm> request_forms();

// JSON Schema (2020-12) of the form.
boost::json::object request_schema(const RequestForm& form);

// What a field means and, where a type and a range do not say it, its shape: members of a JSON schema.
// nullptr: nothing is known. A note for one form ("CompletionRequest.prompt") comes before the general one.
const boost::json::object* field_note(std::string_view form, std::string_view field);
const boost::json::object& field_notes();  // all

}  // namespace atelier::api
