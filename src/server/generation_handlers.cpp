#include "server/generation_handlers.h"

#include <ctime>
#include <thread>
#include <utility>

#include "base/log.h"
#include "server/generation_order.h"
#include "server/prompts.h"

namespace atelier::server {
namespace {

constexpr std::size_t kMaxWaitingBodies = 1024;

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

}  // namespace

GenerationHandlers::GenerationHandlers(const ServedModel& model, Watchers watchers, std::string fingerprint,
                                       int workers)
    : model_(model),
      watchers_(std::move(watchers)),
      fingerprint_(std::move(fingerprint)),
      workers_(workers, kMaxWaitingBodies) {}

void GenerationHandlers::chat(const std::shared_ptr<Call>& call) {
  hand_over(call, &GenerationHandlers::start_chat);
}

void GenerationHandlers::completion(const std::shared_ptr<Call>& call) {
  hand_over(call, &GenerationHandlers::start_completion);
}

void GenerationHandlers::hand_over(const std::shared_ptr<Call>& call, Steps steps) {
  const Presence presence = enter();
  if (draining_) {
    call->fail({Fault::kOverloaded, "the server is shutting down and takes no new requests", {}});
    return;
  }
  server::hand_over(workers_, call, [this, call, presence, steps] { return (this->*steps)(call, presence); });
}

Status GenerationHandlers::start_chat(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::ChatRequest request, api::parse_chat_request(call->request().body));
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  call->suggest_id(request.request_id);
  unknown_.warn(request.unknown);
  ATELIER_TRY(const auto common, generation_order(model_, request));
  ATELIER_TRY(const PreparedPrompt prompt, prepare_chat(model_, request));
  const auto session = new_session(call, request, presence, true, std::ssize(*prompt.ids));
  ATELIER_TRY_STATUS(add_choices(*session, request, common, prompt));
  launch(session);
  return {};
}

Status GenerationHandlers::start_completion(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::CompletionRequest request, api::parse_completion_request(call->request().body));
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  call->suggest_id(request.request_id);
  unknown_.warn(request.unknown);
  ATELIER_TRY(const auto common, generation_order(model_, request));
  std::vector<PreparedPrompt> prompts;
  std::int64_t prompt_tokens = 0;
  for (const api::Prompt& given : request.prompts) {
    ATELIER_TRY(PreparedPrompt prompt, prepare_completion(model_, request, given));
    prompt_tokens += std::ssize(*prompt.ids);
    prompts.push_back(std::move(prompt));
  }
  const auto session = new_session(call, request, presence, false, prompt_tokens);
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
  for (int i = 0; i < fields.best_of; ++i) {
    engine::GenerationRequest order = order_for(model_, common, fields, prompt, i);
    std::unique_ptr<engine::GenerationHandle> handle;
    ChoiceTerms terms = choice_terms(fields, prompt);
    if (order.max_tokens > 0) {
      const std::int64_t max_tokens = order.max_tokens;
      ATELIER_TRY(handle, model_.engine.submit(std::move(order)));
      terms.watch = std::make_shared<observe::GenerationWatch>(
          watchers_.metrics, observe::GenerationWatch::Terms{.prompt_tokens = std::ssize(*prompt.ids),
                                                             .max_tokens = max_tokens});
      if (i == 0) watchers_.metrics->request_begun(fields.n, max_tokens);
    }
    session.add(std::make_unique<Choice>(model_.tokenizer(), terms, std::move(handle)));
  }
  return {};
}

std::shared_ptr<Session> GenerationHandlers::new_session(const std::shared_ptr<Call>& call,
                                                         const api::GenerationFields& fields,
                                                         const Presence& presence, bool chat,
                                                         std::int64_t prompt_tokens) {
  api::ReplyHead head{.id = (chat ? "chatcmpl-" : "cmpl-") + call->id(),
                      .model = model_.id,
                      .fingerprint = fingerprint_,
                      .created = std::time(nullptr)};
  const SessionTerms terms{.stream = fields.stream,
                           .include_usage = fields.include_usage,
                           .continuous_usage = fields.continuous_usage,
                           .logprobs = fields.logprobs >= 0,
                           .prompt_logprobs = fields.prompt_logprobs >= 0,
                           .token_ids = fields.return_token_ids,
                           .prompt_tokens = prompt_tokens,
                           .n = fields.n,
                           .best_of = fields.best_of};
  call->request().body = {};  // read; it may be large
  auto format = chat ? api::chat_format(std::move(head)) : api::completion_format(std::move(head));
  return std::make_shared<Session>(call, std::move(format), terms, presence);
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
