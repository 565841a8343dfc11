#include "api/tokenize_request.h"

#include "api/field_reader.h"
#include "api/json_writer.h"

namespace atelier::api {

Result<TokenizeRequest> parse_tokenize_request(std::string_view body) {
  return parse_with(body, read_tokenize_request);
}

Result<DetokenizeRequest> parse_detokenize_request(std::string_view body) {
  return parse_with(body, read_detokenize_request);
}

Result<TokenizeRequest> read_tokenize_request(FieldReader& reader) {
  TokenizeRequest request;
  request.model = reader.string("model").value_or("");
  request.text = reader.string("prompt");
  const bool chat = reader.array("messages") != nullptr;
  request.add_special_tokens = reader.boolean("add_special_tokens").value_or(!chat);
  request.return_token_strs = reader.boolean("return_token_strs").value_or(false);
  ATELIER_TRY_STATUS(reader.status());
  if (request.text.has_value() == chat)
    return fail_param(Fault::kBadRequest, chat ? "messages" : "prompt",
                      "give either prompt (a string) or messages (a list)");
  if (!chat) {
    request.unknown = reader.unread();
    return request;
  }
  ATELIER_TRY(request.chat, read_chat_request(reader));
  request.unknown = request.chat->unknown;
  return request;
}

Result<DetokenizeRequest> read_detokenize_request(FieldReader& reader) {
  DetokenizeRequest request;
  request.model = reader.string("model").value_or("");
  const boost::json::array* tokens = reader.array("tokens");
  ATELIER_TRY_STATUS(reader.status());
  if (tokens == nullptr) return fail_param(Fault::kBadRequest, "tokens", "tokens is required");
  ATELIER_TRY(request.tokens, read_token_ids("tokens", *tokens));
  request.unknown = reader.unread();
  return request;
}

std::string tokenize_reply(const std::vector<std::int32_t>& tokens, std::int64_t max_model_len,
                           const std::vector<std::string>* strings) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("count", static_cast<std::int64_t>(tokens.size()));
  json.member("max_model_len", max_model_len).key("tokens").begin_array();
  for (const std::int32_t token : tokens) json.integer(token);
  json.end_array().key("token_strs");
  if (strings == nullptr) {
    json.null();
  } else {
    json.begin_array();
    for (const std::string& string : *strings) json.string(string);
    json.end_array();
  }
  json.end_object();
  return out;
}

std::string detokenize_reply(std::string_view prompt) {
  std::string out;
  JsonWriter(out).begin_object().member("prompt", prompt).end_object();
  return out;
}

}  // namespace atelier::api
