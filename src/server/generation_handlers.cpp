#include "server/generation_handlers.h"

#include <boost/json/serialize.hpp>
#include <ctime>
#include <functional>
#include <thread>
#include <utility>

#include "api/messages_request.h"
#include "api/responses_reply.h"
#include "base/json.h"
#include "base/log.h"
#include "engine/beams.h"
#include "server/generation_order.h"
#include "server/prompts.h"
#include "server/response_handlers.h"

namespace atelier::server {
namespace {

ChoiceTerms choice_terms(const api::GenerationFields& fields, const PreparedPrompt& prompt) {
  return {.stop = fields.stop,
          .stop_token_ids = fields.stop_token_ids,
          .include_stop = fields.include_stop_str_in_output,
          .skip_special_tokens = fields.skip_special_tokens,
          .logprobs = fields.logprobs,
          .prompt_logprobs = fields.prompt_logprobs,
          .min_tokens = fields.min_tokens,
          .prompt_only = fields.max_tokens == 0,
          .echo = prompt.echo,
          .score_echo = prompt.score_echo,
          .prompt = prompt.ids};
}

SessionTerms session_terms(const ServedModel& model, const api::GenerationFields& fields,
                           std::int64_t prompt_tokens) {
  return {.stream = fields.stream,
          .include_usage = fields.include_usage || model.rules.force_include_usage,
          .continuous_usage = fields.continuous_usage,
          .logprobs = fields.logprobs >= 0,
          .prompt_logprobs = fields.prompt_logprobs >= 0,
          .token_ids = fields.return_token_ids,
          .prompt_tokens = prompt_tokens,
          .n = fields.n,
          .best_of = fields.best_of,
          .by_likelihood = fields.best_of > fields.n && !fields.beam.wanted};
}

// No model served here was trained so that the first numbers of its vectors say enough.
Status check_dimensions(const ServedModel& model, const api::EmbeddingRequest& request) {
  const std::int64_t own = model.bundle.config.hidden;
  if (!request.dimensions || *request.dimensions == own) return {};
  return fail_param(
      Fault::kUnsupported, "dimensions",
      fmt::format("Model \"{}\" does not support matryoshka representation: its embeddings have "
                  "{} dimensions, and {} were asked for",
                  model.id, own, *request.dimensions));
}

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

// What is asked for, never what is asked.
void log_begin(const std::string& id, const api::GenerationFields& fields, std::int64_t prompt_tokens) {
  const auto said = [](const auto& value) { return value ? fmt::format("{}", *value) : "default"; };
  log_info(
      "request {} begins: {} prompt tokens, max_tokens {}, n {}, temperature {}, top_p {}, top_k {}, seed "
      "{}{}",
      id, prompt_tokens, said(fields.max_tokens), fields.n, said(fields.temperature), said(fields.top_p),
      said(fields.top_k), said(fields.seed), fields.stream ? ", streamed" : "");
}

// One handle for each answer to one prompt; null where there is nothing to generate.
using Handles = std::vector<std::unique_ptr<engine::GenerationHandle>>;
Result<Handles> submit_all(engine::Engine& engine, const api::GenerationFields& fields,
                           const std::function<engine::GenerationRequest(int)>& order) {
  if (fields.beam.wanted && fields.max_tokens != 0)
    return engine::submit_beams(engine, order(0),
                                {.width = fields.best_of, .length_penalty = fields.beam.length_penalty});
  Handles handles;
  for (int choice = 0; choice < fields.best_of; ++choice) {
    engine::GenerationRequest one = order(choice);
    auto& handle = handles.emplace_back();
    if (one.max_tokens > 0) {
      ATELIER_TRY(handle, engine.submit(std::move(one)));
    }
  }
  return handles;
}

}  // namespace

GenerationHandlers::GenerationHandlers(const ServedModel& model, ResponseStore& stored, Watchers watchers,
                                       std::string fingerprint, int workers)
    : model_(model),
      stored_(stored),
      watchers_(std::move(watchers)),
      fingerprint_(std::move(fingerprint)),
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
  const Presence presence = enter();
  if (draining_) {
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
  const engine::EngineStats stats = model_.engine.stats();
  const engine::EngineConfig& config = model_.engine.config();
  retry_advice_.note(stats.finished, std::chrono::steady_clock::now());
  const std::int64_t present = stats.running + stats.waiting,
                     most = config.max_sequences + config.max_waiting;
  if (present < most) return {};
  return fail(Fault::kOverloaded, "{} requests are running or waiting, and {} may; try again later", present,
              most);
}

void GenerationHandlers::advise(Call& call, const Failure& failure) const {
  if (failure.fault != Fault::kOverloaded) return;
  const engine::EngineStats stats = model_.engine.stats();
  call.advise_retry(retry_advice_.seconds(stats.waiting, stats.finished, std::chrono::steady_clock::now()));
}

Status GenerationHandlers::start_chat(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::ChatRequest request, api::parse_chat_request(call->request().body));
  call->suggest_id(request.request_id);
  return answer_chat(call, presence, request, api::chat_format(head("chatcmpl-" + call->id())));
}

Status GenerationHandlers::start_messages(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::ChatRequest request, api::parse_messages_request(call->request().body));
  return answer_chat(call, presence, request, api::messages_format(head("msg_" + call->id())));
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
  return answer_chat(call, presence, request.chat, api::responses_format(head(id), std::move(terms)));
}

Status GenerationHandlers::start_completion(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::CompletionRequest request, api::parse_completion_request(call->request().body));
  call->suggest_id(request.request_id);
  return answer_prompts(call, presence, request, api::completion_format(head("cmpl-" + call->id())));
}

Status GenerationHandlers::start_generate(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::CompletionRequest request, api::parse_generate_request(call->request().body));
  call->suggest_id(request.request_id);
  return answer_prompts(call, presence, request, api::generate_format(static_cast<std::size_t>(request.n)));
}

// Each input is a generation that ends with its prompt.
Status GenerationHandlers::start_embeddings(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::EmbeddingRequest request, api::parse_embedding_request(call->request().body));
  call->suggest_id(request.request_id);
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  ATELIER_TRY_STATUS(check_dimensions(model_, request));
  unknown_.warn(request.unknown);
  ATELIER_TRY(const auto common, generation_order(model_, request));
  std::vector<PreparedPrompt> prompts;
  std::int64_t prompt_tokens = 0;
  for (const api::Prompt& input : request.inputs) {
    ATELIER_TRY(PreparedPrompt prompt, prepare_input(model_, request, input));
    prompt_tokens += std::ssize(*prompt.ids);
    prompts.push_back(std::move(prompt));
  }
  if (model_.rules.log_requests) log_begin(call->id(), request, prompt_tokens);
  call->request().body = {};  // read; it may be large
  auto format = api::embedding_format(head("embd-" + call->id()),
                                      {.base64 = request.base64, .normalize = request.normalize});
  const auto session = std::make_shared<Session>(call, std::move(format),
                                                 session_terms(model_, request, prompt_tokens), presence);
  for (const PreparedPrompt& prompt : prompts) {
    engine::GenerationRequest order = order_for(model_, common, request, prompt, 0);
    order.hidden_state = true;
    ATELIER_TRY(auto handle, model_.engine.submit(std::move(order)));
    session->add(
        std::make_unique<Choice>(model_.tokenizer(), choice_terms(request, prompt), std::move(handle)));
  }
  launch(session);
  return {};
}

Status GenerationHandlers::answer_chat(const std::shared_ptr<Call>& call, const Presence& presence,
                                       const api::ChatRequest& request,
                                       std::unique_ptr<api::ReplyFormat> format) {
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  unknown_.warn(request.unknown);
  ATELIER_TRY(const auto common, generation_order(model_, request));
  ATELIER_TRY(const PreparedPrompt prompt, prepare_chat(model_, request));
  call->request().body = {};  // read; it may be large
  if (model_.rules.log_requests) log_begin(call->id(), request, std::ssize(*prompt.ids));
  const auto session = std::make_shared<Session>(
      call, std::move(format), session_terms(model_, request, std::ssize(*prompt.ids)), presence);
  ATELIER_TRY_STATUS(add_choices(*session, request, common, prompt));
  launch(session);
  return {};
}

Status GenerationHandlers::answer_prompts(const std::shared_ptr<Call>& call, const Presence& presence,
                                          const api::CompletionRequest& request,
                                          std::unique_ptr<api::ReplyFormat> format) {
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  unknown_.warn(request.unknown);
  ATELIER_TRY(const auto common, generation_order(model_, request));
  std::vector<PreparedPrompt> prompts;
  std::int64_t prompt_tokens = 0;
  for (const api::Prompt& given : request.prompts) {
    ATELIER_TRY(PreparedPrompt prompt, prepare_completion(model_, request, given));
    prompt_tokens += std::ssize(*prompt.ids);
    prompts.push_back(std::move(prompt));
  }
  call->request().body = {};  // read; it may be large
  if (model_.rules.log_requests) log_begin(call->id(), request, prompt_tokens);
  const auto session = std::make_shared<Session>(call, std::move(format),
                                                 session_terms(model_, request, prompt_tokens), presence);
  for (const PreparedPrompt& prompt : prompts) {
    ATELIER_TRY_STATUS(add_choices(*session, request, common, prompt));
  }
  launch(session);
  return {};
}

Status GenerationHandlers::add_choices(Session& session, const api::GenerationFields& fields,
                                       const engine::GenerationRequest& common,
                                       const PreparedPrompt& prompt) const {
  session.watch(trace_of(session, fields), watchers_.timings || fields.per_request_metrics);
  observe::GenerationWatch::Terms terms{.prompt_tokens = std::ssize(*prompt.ids), .max_tokens = 0};
  ATELIER_TRY(auto handles, submit_all(model_.engine, fields, [&](int choice) {
                engine::GenerationRequest order = order_for(model_, common, fields, prompt, choice);
                terms.max_tokens = order.max_tokens;
                return order;
              }));
  if (terms.max_tokens > 0) watchers_.metrics->request_begun(fields.n, terms.max_tokens);
  for (auto& handle : handles) {
    ChoiceTerms choice = choice_terms(fields, prompt);
    if (handle) choice.watch = std::make_shared<observe::GenerationWatch>(watchers_.metrics, terms);
    session.add(std::make_unique<Choice>(model_.tokenizer(), choice, std::move(handle)));
  }
  return {};
}

api::ReplyHead GenerationHandlers::head(std::string id) const {
  return {.id = std::move(id),
          .model = model_.id,
          .fingerprint = fingerprint_,
          .role = model_.rules.response_role,
          .created = std::time(nullptr)};
}

// Null where traces go nowhere, or where the client's own trace is not recorded.
std::unique_ptr<observe::RequestTrace> GenerationHandlers::trace_of(
    const Session& session, const api::GenerationFields& fields) const {
  if (watchers_.spans == nullptr) return nullptr;
  return observe::RequestTrace::begin(watchers_.spans, session.call().request().header("traceparent"),
                                      {.request_id = session.call().id(),
                                       .model = model_.id,
                                       .n = fields.n,
                                       .max_tokens = fields.max_tokens,
                                       .temperature = fields.temperature,
                                       .top_p = fields.top_p});
}

void GenerationHandlers::launch(const std::shared_ptr<Session>& session) {
  {
    std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [](const auto& other) { return other.expired(); });
    sessions_.push_back(session);
  }
  session->start();
}

Presence GenerationHandlers::enter() {
  ++present_;
  return Presence(nullptr, [this](void*) { --present_; });
}

void GenerationHandlers::drain(std::chrono::milliseconds patience) {
  draining_ = true;
  const auto wait_until = [this](std::chrono::steady_clock::time_point deadline) {
    while (present_ > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return present_ == 0;
  };
  if (wait_until(std::chrono::steady_clock::now() + patience)) return;
  log_warning("{} requests are still running after {:.1f} s; they are ended", present_.load(),
              std::chrono::duration<double>(patience).count());
  std::vector<std::weak_ptr<Session>> sessions;
  {
    std::lock_guard lock(mutex_);
    sessions = sessions_;
  }
  for (const auto& weak : sessions) {
    if (const auto session = weak.lock()) session->interrupt();
  }
  wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(2));
}

}  // namespace atelier::server
