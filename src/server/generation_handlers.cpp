#include "server/generation_handlers.h"

#include <ctime>
#include <thread>
#include <utility>

#include "api/messages_request.h"
#include "base/log.h"
#include "server/generation_order.h"
#include "server/prompts.h"

namespace atelier::server {
namespace {

constexpr std::size_t kMaxWaitingBodies = 1024;

ChoiceTerms choice_terms(const api::GenerationFields& fields) {
  return {.stop = fields.stop,
          .stop_token_ids = fields.stop_token_ids,
          .include_stop = fields.include_stop_str_in_output,
          .skip_special_tokens = fields.skip_special_tokens,
          .logprobs = fields.logprobs >= 0};
}

SessionTerms session_terms(const api::GenerationFields& fields, std::int64_t prompt_tokens) {
  return {.stream = fields.stream,
          .include_usage = fields.include_usage,
          .continuous_usage = fields.continuous_usage,
          .logprobs = fields.logprobs >= 0,
          .prompt_tokens = prompt_tokens};
}

}  // namespace

GenerationHandlers::GenerationHandlers(const ServedModel& model, std::string fingerprint, int workers)
    : model_(model), fingerprint_(std::move(fingerprint)), workers_(workers, kMaxWaitingBodies) {}

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
  return answer_chat(call, presence, request, api::chat_format(head("chatcmpl-" + call->id())));
}

Status GenerationHandlers::start_messages(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::ChatRequest request, api::parse_messages_request(call->request().body));
  return answer_chat(call, presence, request, api::messages_format(head("msg_" + call->id())));
}

Status GenerationHandlers::start_completion(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::CompletionRequest request, api::parse_completion_request(call->request().body));
  return answer_prompts(call, presence, request, api::completion_format(head("cmpl-" + call->id())));
}

Status GenerationHandlers::start_generate(const std::shared_ptr<Call>& call, const Presence& presence) {
  ATELIER_TRY(const api::CompletionRequest request, api::parse_generate_request(call->request().body));
  return answer_prompts(call, presence, request, api::generate_format(static_cast<std::size_t>(request.n)));
}

Status GenerationHandlers::answer_chat(const std::shared_ptr<Call>& call, const Presence& presence,
                                       const api::ChatRequest& request,
                                       std::unique_ptr<api::ReplyFormat> format) {
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  unknown_.warn(request.unknown);
  ATELIER_TRY(PreparedPrompt prompt, prepare_chat(model_, request));
  call->request().body = {};  // read; it may be large
  const auto session = std::make_shared<Session>(
      call, std::move(format), session_terms(request, static_cast<std::int64_t>(prompt.ids.size())),
      presence);
  ATELIER_TRY_STATUS(add_choices(*session, request, std::move(prompt.ids), prompt.echo));
  launch(session);
  return {};
}

Status GenerationHandlers::answer_prompts(const std::shared_ptr<Call>& call, const Presence& presence,
                                          const api::CompletionRequest& request,
                                          std::unique_ptr<api::ReplyFormat> format) {
  ATELIER_TRY_STATUS(check_model(model_, request.model));
  unknown_.warn(request.unknown);
  std::vector<PreparedPrompt> prompts;
  std::int64_t prompt_tokens = 0;
  for (const api::Prompt& given : request.prompts) {
    ATELIER_TRY(PreparedPrompt prompt, prepare_completion(model_, request, given));
    prompt_tokens += static_cast<std::int64_t>(prompt.ids.size());
    prompts.push_back(std::move(prompt));
  }
  call->request().body = {};  // read; it may be large
  const auto session =
      std::make_shared<Session>(call, std::move(format), session_terms(request, prompt_tokens), presence);
  for (PreparedPrompt& prompt : prompts) {
    ATELIER_TRY_STATUS(add_choices(*session, request, std::move(prompt.ids), prompt.echo));
  }
  launch(session);
  return {};
}

Status GenerationHandlers::add_choices(Session& session, const api::GenerationFields& fields,
                                       std::vector<std::int32_t> prompt, const std::string& echo) const {
  for (int i = 0; i < fields.n; ++i) {
    ATELIER_TRY(auto order, generation_order(model_, fields, prompt, i));
    std::unique_ptr<engine::GenerationHandle> handle;
    if (order.max_tokens > 0) {
      ATELIER_TRY(handle, model_.engine.submit(std::move(order)));
    }
    session.add(std::make_unique<Choice>(model_.tokenizer(), choice_terms(fields), std::move(handle)), echo);
  }
  return {};
}

api::ReplyHead GenerationHandlers::head(std::string id) const {
  return {
      .id = std::move(id), .model = model_.id, .fingerprint = fingerprint_, .created = std::time(nullptr)};
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
