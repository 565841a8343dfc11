#include "server/generation_order.h"

#include <utility>

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
  options.seed = fields.seed ? fields.seed : model.default_seed;
  options.logprobs = fields.logprobs;
  return options;
}

}  // namespace

Result<engine::GenerationRequest> generation_order(const ServedModel& model,
                                                   const api::GenerationFields& fields,
                                                   std::vector<std::int32_t> prompt, int choice) {
  engine::GenerationRequest order;
  order.sampling = sampling(model, fields);
  if (order.sampling.seed) *order.sampling.seed += static_cast<std::uint64_t>(choice);
  order.max_tokens =
      fields.max_tokens.value_or(model.max_model_len() - static_cast<std::int64_t>(prompt.size()));
  order.prompt = std::move(prompt);
  // ignore_eos is about the model's own ends; a client's stop_token_ids still hold
  if (!fields.ignore_eos) order.stop_ids = model.tokenizer().data().stop_ids;
  for (const std::int32_t id : fields.stop_token_ids) {
    if (id >= model.tokenizer().size()) {
      return fail_param(
          Fault::kBadRequest, "stop_token_ids",
          fmt::format("stop_token_ids: {} is out of the vocabulary of {}", id, model.tokenizer().size()));
    }
    order.stop_ids.push_back(id);
  }
  return order;
}

}  // namespace atelier::server
