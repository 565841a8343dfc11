// The document is made of what the parsers ask for; what is written by hand beside it must fit.
#include "api/openapi.h"

#include <gtest/gtest.h>

#include <set>

#include "api/reply_schemas.h"
#include "api/request_schema.h"
#include "base/json.h"

namespace atelier::api {
namespace {

boost::json::object schema_of(std::string_view form_name) {
  for (const RequestForm& form : request_forms())
    if (form.name == form_name) return request_schema(form);
  return {};
}

TEST(RequestSchema, HasWhatTheParserAsksFor) {
  const auto schema = schema_of("ChatCompletionRequest");
  const auto& top_p = schema.at("properties").at("top_p").as_object();
  EXPECT_EQ(top_p.at("type").at(0), "number");
  EXPECT_EQ(top_p.at("exclusiveMinimum"), 0.0);
  EXPECT_EQ(top_p.at("maximum"), 1.0);
  EXPECT_EQ(schema.at("properties").at("n").at("maximum"), 8);
  EXPECT_EQ(schema.at("properties").at("messages").at("items").at("$ref"),
            "#/components/schemas/ChatMessage");
  EXPECT_EQ(schema.at("required").at(0), "messages");
}

TEST(RequestSchema, EveryFieldHasItsWordsAndEveryWordItsField) {
  std::set<std::string> used;
  for (const RequestForm& form : request_forms()) {
    const auto schema = request_schema(form);
    for (const auto& [name, field] : schema.at("properties").as_object()) {
      EXPECT_TRUE(field.as_object().contains("description"))
          << form.name << "." << name << " has no note in field_notes.cpp";
      const std::string own = fmt::format("{}.{}", form.name, std::string_view(name));
      used.insert(field_notes().contains(own) ? own : std::string(name));
    }
  }
  for (const auto& [name, note] : field_notes())
    EXPECT_TRUE(used.contains(name)) << name << ": no parser asks for it";
}

TEST(RequestSchema, WhatIsRequiredIsAField) {
  for (const RequestForm& form : request_forms()) {
    for (const std::string_view field : form.required) {
      EXPECT_TRUE(request_schema(form).at("properties").as_object().contains(field))
          << form.name << "." << field;
    }
  }
}

TEST(OpenApi, TellsOfPathsMethodsAndParameters) {
  const Operation operations[] = {
      {.method = "GET", .path = "/a/{name}", .tag = "T", .summary = "S", .reply = "Model"},
      {.method = "DELETE", .path = "/a/{name}", .tag = "T", .summary = "S2"},
      {.method = "POST",
       .path = "/b",
       .tag = "T",
       .summary = "S3",
       .request = "CompletionRequest",
       .reply = "Completion",
       .stream = "Completion"},
  };
  const auto document = parse_json(openapi_document(operations, "1.2.3"));
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->at("info").at("version"), "1.2.3");
  const auto& paths = document->at("paths").as_object();
  EXPECT_EQ(paths.at("/a/{name}").as_object().size(), 2u);
  EXPECT_EQ(paths.at("/a/{name}").at("get").at("parameters").at(0).at("name"), "name");
  EXPECT_TRUE(paths.at("/b")
                  .at("post")
                  .at("responses")
                  .at("200")
                  .at("content")
                  .as_object()
                  .contains("text/event-stream"));
  std::set<std::string> ids;
  for (const auto& [path, methods] : paths)
    for (const auto& [method, operation] : methods.as_object())
      EXPECT_TRUE(ids.insert(std::string(operation.at("operationId").as_string())).second);
}

}  // namespace
}  // namespace atelier::api
