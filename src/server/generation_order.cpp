#include "server/generation_order.h"

#include <algorithm>
#include <utility>

#include "server/request_checks.h"
#include "server/restrictions.h"

namespace atelier::server {
namespace {

constexpr float kGreedyBelow = 1e-5f;  // as vLLM: dividing by less says nothing more

sample::SamplingOptions sampling(const ServedModel& model, const api::GenerationFields& fields) {
  const bundle::GenerationDefaults& defaults = model.bundle.generation;
  sample::SamplingOptions options;
  options.temperature = fields.temperature.value_or(defaults.temperature.value_or(1.0f));
  if (options.temperature < kGreedyBelow) options.temperature = 0.0f;
  options.top_p = fields.top_p.value_or(defaults.top_p.value_or(1.0f));
  options.top_k = fields.top_k.value_or(defaults.top_k.value_or(0));
  options.min_p = fields.min_p.value_or(0.0f);
  options.repetition_penalty = fields.repetition_penalty.value_or(defaults.repetition_penalty.value_or(1.0f));
  options.presence_penalty = fields.presence_penalty.value_or(0.0f);
  options.frequency_penalty = fields.frequency_penalty.value_or(0.0f);
  options.seed = fields.seed ? fields.seed : model.rules.seed;
  options.logprobs = fields.best_of > fields.n ? std::max(fields.logprobs, 0) : fields.logprobs;
  return options;
}

// Tokens that may end an answer: the client's own, and the model's unless they are to be ignored.
std::vector<std::int32_t> stop_ids(const ServedModel& model, const api::GenerationFields& fields) {
  std::vector<std::int32_t> ids;
  if (!fields.ignore_eos) ids = model.tokenizer().data().stop_ids;
  ids.insert(ids.end(), fields.stop_token_ids.begin(), fields.stop_token_ids.end());
  return ids;
}

Status check_logprobs(const ServedModel& model, std::int32_t asked, const char* param) {
  const std::int32_t most = model.rules.max_logprobs;
  if (most < 0 || asked <= most) return {};
  return fail_param(
      Fault::kBadRequest, param,
      fmt::format("{} of {} is more than this server allows: {} (--max-logprobs)", param, asked, most));
}

}  // namespace

Result<engine::GenerationRequest> generation_order(const ServedModel& model,
                                                   const api::GenerationFields& fields) {
  engine::GenerationRequest order;
  order.sampling = sampling(model, fields);
  ATELIER_TRY_STATUS(check_logprobs(model, fields.logprobs, "logprobs"));
  ATELIER_TRY_STATUS(check_logprobs(model, fields.prompt_logprobs, "prompt_logprobs"));
  ATELIER_TRY_STATUS(check_ids(model, "stop_token_ids", fields.stop_token_ids));
  ATELIER_TRY(order.sampling.restrictions, restrictions(model, fields));
  order.stop_ids = stop_ids(model, fields);
  order.priority = fields.priority;
  order.cache_salt = fields.cache_salt;
  return order;
}

engine::GenerationRequest order_for(const ServedModel& model, const engine::GenerationRequest& common,
                                    const api::GenerationFields& fields, const PreparedPrompt& prompt,
                                    int choice) {
  engine::GenerationRequest order = common;
  if (order.sampling.seed) *order.sampling.seed += static_cast<std::uint64_t>(choice);
  order.prompt = *prompt.ids;
  if (!prompt.scored_once || choice == 0)
    order.prompt_logprobs = std::max(fields.prompt_logprobs, prompt.score_echo ? fields.logprobs : -1);
  order.max_tokens = fields.max_tokens.value_or(model.room_behind(std::ssize(order.prompt)));
  if (order.prompt_logprobs >= 0) order.max_tokens = std::max<std::int64_t>(order.max_tokens, 1);
  return order;
}

}  // namespace atelier::server
