#include "server/token_handlers.h"

#include <string>
#include <utility>
#include <vector>

#include "api/messages_request.h"
#include "api/tokenize_request.h"
#include "server/prompts.h"

namespace atelier::server {
namespace {

constexpr std::size_t kMaxWaiting = 256;

// As the vocabulary spells them: "Ġworld".
std::vector<std::string> spellings(const text::Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  std::vector<std::string> out;
  out.reserve(ids.size());
  const std::vector<std::string>& tokens = tokenizer.data().tokens;
  for (const std::int32_t id : ids)
    out.push_back(tokenizer.is_special(id) ? std::string(tokenizer.bytes(id))
                                           : tokens[static_cast<std::size_t>(id)]);
  return out;
}

}  // namespace

TokenHandlers::TokenHandlers(const ServedModel& model) : model_(model), worker_(1, {.tasks = kMaxWaiting}) {}

void TokenHandlers::tokenize(const std::shared_ptr<Call>& call) {
  hand_over(call, &TokenHandlers::tokenized);
}

void TokenHandlers::detokenize(const std::shared_ptr<Call>& call) {
  hand_over(call, &TokenHandlers::detokenized);
}

void TokenHandlers::count(const std::shared_ptr<Call>& call) {
  hand_over(call, &TokenHandlers::counted);
}

void TokenHandlers::hand_over(const std::shared_ptr<Call>& call, Answer answer) {
  server::hand_over(worker_, call, [this, call, answer]() -> Status {
    ATELIER_TRY(std::string json, (this->*answer)(call->request().body));
    call->respond_json(200, std::move(json));
    return {};
  });
}

Result<std::string> TokenHandlers::tokenized(std::string_view body) {
  ATELIER_TRY(const api::TokenizeRequest request, api::parse_tokenize_request(body));
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  unknown_.warn(request.unknown);
  std::vector<std::int32_t> ids;
  if (request.chat) {
    ATELIER_TRY(EncodedChat prompt, encode_chat(model_, *request.chat, request.add_special_tokens));
    ids = std::move(prompt.ids);
  } else {
    ids = encode_text(model_, *request.text, request.add_special_tokens);
  }
  std::vector<std::string> strings;
  if (request.return_token_strs) strings = spellings(model_.tokenizer(), ids);
  return api::tokenize_reply(ids, model_.max_model_len(), request.return_token_strs ? &strings : nullptr);
}

Result<std::string> TokenHandlers::detokenized(std::string_view body) {
  ATELIER_TRY(const api::DetokenizeRequest request, api::parse_detokenize_request(body));
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  ATELIER_TRY_STATUS(check_ids(model_, "tokens", request.tokens));
  unknown_.warn(request.unknown);
  return api::detokenize_reply(model_.tokenizer().decode(request.tokens));
}

Result<std::string> TokenHandlers::counted(std::string_view body) {
  ATELIER_TRY(const api::ChatRequest request, api::parse_count_tokens_request(body));
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  unknown_.warn(request.unknown);
  ATELIER_TRY(const EncodedChat chat, encode_chat(model_, request));
  return api::count_tokens_reply(std::ssize(chat.ids));
}

}  // namespace atelier::server
