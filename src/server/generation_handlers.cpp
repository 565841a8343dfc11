#include "server/generation_handlers.h"

#include <boost/json/serialize.hpp>
#include <ctime>
#include <utility>

#include "api/embedding_request.h"
#include "api/messages_request.h"
#include "api/responses_reply.h"
#include "base/json.h"
#include "server/response_handlers.h"

namespace atelier::server {
namespace {

// What has been said before, and what is said now. kNotFound: what came before is not remembered.
Result<boost::json::array> conversation_of(const ResponseStore& stored,
                                           const api::ResponsesRequest& request) {
  if (request.previous_response_id.empty()) return request.chat.messages;
  const auto previous = stored.find(request.previous_response_id);
  if (previous == nullptr)
    return std::unexpected(unknown_response(request.previous_response_id, "previous_response_id"));
  ATELIER_TRY(boost::json::value past, parse_json(previous->conversation));
  boost::json::array conversation = std::move(past.as_array());
  for (const auto& message : request.chat.messages) conversation.push_back(message);
  return conversation;
}

}  // namespace

GenerationHandlers::GenerationHandlers(const ServedModel& model, ResponseStore& stored, Watchers watchers,
                                       std::string fingerprint, int workers)
    : model_(model),
      stored_(stored),
      fingerprint_(std::move(fingerprint)),
      answers_(model_, std::move(watchers), attendance_),
      workers_(workers, {}) {}

void GenerationHandlers::chat(const std::shared_ptr<Call>& call) {
  hand_over(call, &GenerationHandlers::start_chat);
}

void GenerationHandlers::completion(const std::shared_ptr<Call>& call) {
  hand_over(call, &GenerationHandlers::start_completion);
}

void GenerationHandlers::generate(const std::shared_ptr<Call>& call) {
  hand_over(call, &GenerationHandlers::start_generate);
}

void GenerationHandlers::messages(const std::shared_ptr<Call>& call) {
  hand_over(call, &GenerationHandlers::start_messages);
}

void GenerationHandlers::responses(const std::shared_ptr<Call>& call) {
  hand_over(call, &GenerationHandlers::start_responses);
}

void GenerationHandlers::embeddings(const std::shared_ptr<Call>& call) {
  hand_over(call, &GenerationHandlers::start_embeddings);
}

void GenerationHandlers::hand_over(const std::shared_ptr<Call>& call, Steps steps) {
  const Presence presence = attendance_.enter();
  if (attendance_.draining()) {
    call->fail({Fault::kOverloaded, "the server is shutting down and takes no new requests", {}});
    return;
  }
  if (const Status room = check_room(); !room) {
    advise(*call, room.error());
    return call->fail(room.error());
  }
  server::hand_over(workers_, call, [this, call, presence, steps] {
    const Status done = (this->*steps)(call, presence);
    if (!done) advise(*call, done.error());
    return done;
  });
}

// Before anything is parsed: who cannot be taken in is to know at once, and to cost little.
Status GenerationHandlers::check_room() {
  retry_advice_.note(model_.engine.stats().finished, std::chrono::steady_clock::now());
  return model_.engine.room();
}

void GenerationHandlers::advise(Call& call, const Failure& failure) const {
  if (failure.fault != Fault::kOverloaded) return;
  const engine::EngineStats stats = model_.engine.stats();
  call.advise_retry(retry_advice_.seconds(stats.waiting, stats.finished, std::chrono::steady_clock::now()));
}

Status GenerationHandlers::start_chat(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::ChatRequest request, api::parse_chat_request(call->request().body));
  call->suggest_id(request.request_id);
  return answers_.to_chat(call, presence, request, api::chat_format(head("chatcmpl-" + call->id())));
}

Status GenerationHandlers::start_messages(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::ChatRequest request, api::parse_messages_request(call->request().body));
  return answers_.to_chat(call, presence, request, api::messages_format(head("msg_" + call->id())));
}

// The conversation is what came before, and the input; the instructions are of this response alone.
Status GenerationHandlers::start_responses(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(api::ResponsesRequest request, api::parse_responses_request(call->request().body));
  ATELIER_TRY(boost::json::array conversation, conversation_of(stored_, request));
  api::ResponseTerms terms{.settings = api::response_settings(request), .keep = {}};
  const std::string id = "resp_" + random_id();
  if (request.store) {
    terms.keep = [this, id, conversation](std::string json, std::string_view text) mutable {
      conversation.push_back(boost::json::object{{"role", "assistant"}, {"content", text}});
      stored_.keep({.id = id, .json = std::move(json), .conversation = boost::json::serialize(conversation)});
    };
  }
  if (request.instructions) {
    const boost::json::object words{{"role", "system"}, {"content", *request.instructions}};
    conversation.insert(conversation.begin(), words);
  }
  request.chat.messages = std::move(conversation);
  return answers_.to_chat(call, presence, request.chat, api::responses_format(head(id), std::move(terms)));
}

Status GenerationHandlers::start_completion(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::CompletionRequest request, api::parse_completion_request(call->request().body));
  call->suggest_id(request.request_id);
  return answers_.to_prompts(call, presence, request, api::completion_format(head("cmpl-" + call->id())));
}

Status GenerationHandlers::start_generate(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::CompletionRequest request, api::parse_generate_request(call->request().body));
  call->suggest_id(request.request_id);
  return answers_.to_prompts(call, presence, request,
                             api::generate_format(static_cast<std::size_t>(request.n)));
}

Status GenerationHandlers::start_embeddings(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::EmbeddingRequest request, api::parse_embedding_request(call->request().body));
  call->suggest_id(request.request_id);
  return answers_.to_inputs(
      call, presence, request,
      api::embedding_format(head("embd-" + call->id()),
                            {.base64 = request.base64, .normalize = request.normalize}));
}

api::ReplyHead GenerationHandlers::head(std::string id) const {
  return {.id = std::move(id),
          .model = model_.id,
          .fingerprint = fingerprint_,
          .role = model_.rules.response_role,
          .created = std::time(nullptr)};
}

}  // namespace atelier::server
