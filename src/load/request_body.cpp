#include "load/request_body.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

namespace atelier::load {
namespace {

namespace json = boost::json;

std::string with_prompt(const RequestShape& shape, const char* key, json::value prompt,
                        std::int64_t output_tokens) {
  json::object body{{"model", shape.model},
                    {key, std::move(prompt)},
                    {"max_tokens", output_tokens},
                    {"temperature", 0.0},
                    {"stream", true},
                    {"stream_options", json::object{{"include_usage", true}}}};
  if (shape.ignore_eos) body["ignore_eos"] = true;
  for (const auto& field : shape.extra) body[field.key()] = field.value();
  return json::serialize(body);
}

}  // namespace

std::string request_body(const RequestShape& shape, std::string_view prompt, std::int64_t output_tokens) {
  if (!shape.chat) return with_prompt(shape, "prompt", json::value(prompt), output_tokens);
  return with_prompt(shape, "messages", json::array{json::object{{"role", "user"}, {"content", prompt}}},
                     output_tokens);
}

std::string request_body(const RequestShape& shape, std::span<const std::int32_t> prompt,
                         std::int64_t output_tokens) {
  return with_prompt(shape, "prompt", json::array(prompt.begin(), prompt.end()), output_tokens);
}

}  // namespace atelier::load
