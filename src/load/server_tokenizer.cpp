#include "load/server_tokenizer.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "base/json.h"

namespace atelier::load {
namespace {

namespace json = boost::json;

Result<json::object> ask(client::Transfers& transfers, const std::string& path,
                         const json::object& question) {
  const std::string body = json::serialize(question);
  ATELIER_TRY(const client::Transfers::Reply reply, transfers.exchange(path, body));
  if (reply.status != 200) {
    return fail(Fault::kUnsupported, "{} answers {}: {}", path, reply.status, reply.body.substr(0, 200));
  }
  ATELIER_TRY(const json::value answer, parse_json(reply.body));
  if (!answer.is_object()) return fail(Fault::kUnsupported, "{}: the answer is no JSON object", path);
  return answer.get_object();
}

Result<std::vector<std::int32_t>> tokens_of(const json::object& answer) {
  const json::value* tokens = answer.if_contains("tokens");
  if (tokens == nullptr || !tokens->is_array()) {
    return fail(Fault::kUnsupported, "/tokenize: the answer has no list \"tokens\"");
  }
  std::vector<std::int32_t> ids;
  for (const json::value& token : tokens->get_array()) {
    if (!token.is_int64() || token.get_int64() < 0 || token.get_int64() > INT32_MAX) {
      return fail(Fault::kUnsupported, "/tokenize: tokens that are no ids");
    }
    ids.push_back(static_cast<std::int32_t>(token.get_int64()));
  }
  return ids;
}

json::array user_message(std::string_view text) {
  return {json::object{{"role", "user"}, {"content", text}}};
}

}  // namespace

Result<ServerTokenizer> ServerTokenizer::find(client::Transfers& transfers, std::string model) {
  for (const Dialect dialect : {Dialect::kVllm, Dialect::kLlama}) {
    ServerTokenizer found(transfers, model, dialect);
    const auto ids = found.encode("one two");
    if (ids && ids->size() >= 2) return found;
    if (!ids && ids.error().fault == Fault::kNetwork) return std::unexpected(ids.error());
  }
  return fail(Fault::kUnsupported, "the server has no /tokenize");
}

Result<std::vector<std::int32_t>> ServerTokenizer::encode(std::string_view text) {
  json::object question;
  if (dialect_ == Dialect::kVllm) {
    question = {{"model", model_}, {"prompt", text}, {"add_special_tokens", false}};
  } else {
    question = {{"content", text}, {"add_special", false}};
  }
  ATELIER_TRY(const json::object answer, ask(*transfers_, "/tokenize", question));
  return tokens_of(answer);
}

Result<std::int64_t> ServerTokenizer::count_chat(std::string_view text) {
  json::object question{{"messages", user_message(text)}};
  if (dialect_ == Dialect::kVllm) {
    question["model"] = model_;
    ATELIER_TRY(const json::object answer, ask(*transfers_, "/tokenize", question));
    ATELIER_TRY(const auto ids, tokens_of(answer));
    return std::ssize(ids);
  }
  ATELIER_TRY(const json::object rendered, ask(*transfers_, "/apply-template", question));
  const json::value* prompt = rendered.if_contains("prompt");
  if (prompt == nullptr || !prompt->is_string()) {
    return fail(Fault::kUnsupported, "/apply-template: the answer has no \"prompt\"");
  }
  const json::object whole{{"content", *prompt}, {"add_special", true}, {"parse_special", true}};
  ATELIER_TRY(const json::object answer, ask(*transfers_, "/tokenize", whole));
  ATELIER_TRY(const auto ids, tokens_of(answer));
  return std::ssize(ids);
}

}  // namespace atelier::load
