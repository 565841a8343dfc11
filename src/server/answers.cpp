#include "server/answers.h"

#include <functional>
#include <utility>

#include "base/log.h"
#include "engine/beams.h"
#include "server/generation_order.h"

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

Answers::Answers(const ServedModel& model, Watchers watchers, Attendance& attendance)
    : model_(model), watchers_(std::move(watchers)), attendance_(attendance) {}

// What every generation of the request has in common.
Result<engine::GenerationRequest> Answers::common_order(const api::GenerationFields& fields) {
  ATELIER_TRY_STATUS(check_model(model_, fields.model));
  unknown_.warn(fields.unknown);
  return generation_order(model_, fields);
}

Status Answers::to_chat(const std::shared_ptr<Call>& call, const Presence& presence,
                        const api::ChatRequest& request, Format format) {
  ATELIER_TRY(const auto common, common_order(request));
  Prompts prompts(1);
  ATELIER_TRY(prompts.front(), prepare_chat(model_, request));
  return generate(call, presence, request, common, prompts, std::move(format));
}

Status Answers::to_prompts(const std::shared_ptr<Call>& call, const Presence& presence,
                           const api::CompletionRequest& request, Format format) {
  ATELIER_TRY(const auto common, common_order(request));
  Prompts prompts;
  for (const api::Prompt& given : request.prompts) {
    ATELIER_TRY(prompts.emplace_back(), prepare_completion(model_, request, given));
  }
  return generate(call, presence, request, common, prompts, std::move(format));
}

Status Answers::to_inputs(const std::shared_ptr<Call>& call, const Presence& presence,
                          const api::EmbeddingRequest& request, Format format) {
  ATELIER_TRY(auto common, common_order(request));
  ATELIER_TRY_STATUS(check_dimensions(model_, request));
  common.hidden_state = true;
  Prompts prompts;
  for (const api::Prompt& input : request.inputs) {
    ATELIER_TRY(prompts.emplace_back(), prepare_input(model_, request, input));
  }
  return generate(call, presence, request, common, prompts, std::move(format));
}

Status Answers::generate(const std::shared_ptr<Call>& call, const Presence& presence,
                         const api::GenerationFields& fields, const engine::GenerationRequest& common,
                         const Prompts& prompts, Format format) {
  std::int64_t prompt_tokens = 0;
  for (const PreparedPrompt& prompt : prompts) prompt_tokens += std::ssize(*prompt.ids);
  if (model_.rules.log_requests) log_begin(call->id(), fields, prompt_tokens);
  call->request().body = {};  // read; it may be large
  const auto session = std::make_shared<Session>(call, std::move(format),
                                                 session_terms(model_, fields, prompt_tokens), presence);
  session->watch(trace_of(*session, fields), watchers_.timings || fields.per_request_metrics);
  for (const PreparedPrompt& prompt : prompts) {
    ATELIER_TRY_STATUS(add_choices(*session, fields, common, prompt));
  }
  attendance_.launch(session);
  return {};
}

Status Answers::add_choices(Session& session, const api::GenerationFields& fields,
                            const engine::GenerationRequest& common, const PreparedPrompt& prompt) const {
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

// Null where traces go nowhere, or where the client's own trace is not recorded.
std::unique_ptr<observe::RequestTrace> Answers::trace_of(const Session& session,
                                                         const api::GenerationFields& fields) const {
  if (watchers_.spans == nullptr) return nullptr;
  return observe::RequestTrace::begin(watchers_.spans, session.call().request().header("traceparent"),
                                      {.request_id = session.call().id(),
                                       .model = model_.id,
                                       .n = fields.n,
                                       .max_tokens = fields.max_tokens,
                                       .temperature = fields.temperature,
                                       .top_p = fields.top_p});
}

}  // namespace atelier::server
