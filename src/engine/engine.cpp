#include "engine/engine.h"

#include <algorithm>

#include "base/check.h"
#include "engine/loop.h"

namespace atelier::engine {

namespace {

// What can run alone can run at all: no sequence may be longer than the whole pool.
EngineConfig settle(EngineConfig config, const model::Decoder& decoder) {
  ATELIER_CHECK(config.max_sequences > 0 && config.max_batch_tokens > 0 && config.kv_blocks > 0);
  ATELIER_CHECK(config.vocabulary > 0 && config.vocabulary <= decoder.config().vocab_rows);
  config.max_model_len = std::min(config.max_model_len, config.kv_blocks * kernels::kBlockTokens);
  ATELIER_CHECK(config.max_model_len > 0);
  if (config.native_len == 0) config.native_len = config.max_model_len;
  return config;
}

Status check(const GenerationRequest& request, const EngineConfig& config) {
  const std::vector<std::int32_t>& prompt = request.prompt;
  if (prompt.empty())
    return fail_param(Fault::kBadRequest, "prompt", "the prompt is empty; one token is the least");
  const auto bad =
      std::ranges::find_if_not(prompt, [&](std::int32_t id) { return id >= 0 && id < config.vocabulary; });
  if (bad != prompt.end()) {
    return fail_param(Fault::kBadRequest, "prompt",
                      fmt::format("token {} of the prompt is {}; this model's ids are 0 to {}",
                                  bad - prompt.begin(), *bad, config.vocabulary - 1));
  }
  if (std::ssize(prompt) + 1 > config.max_model_len) {
    return fail_param(
        Fault::kTooLong, "prompt",
        fmt::format("the prompt has {} tokens; the context holds {}, one of them for the answer",
                    prompt.size(), config.max_model_len));
  }
  if (request.max_tokens < 1) {
    return fail_param(Fault::kBadRequest, "max_tokens",
                      fmt::format("max_tokens is {}; one is the least", request.max_tokens));
  }
  if (request.adapter != -1) {
    return fail_param(Fault::kUnsupported, "adapter",
                      fmt::format("adapter {} is not loaded; only the base model (-1) is", request.adapter));
  }
  return {};
}

}  // namespace

Engine::Engine(model::Decoder& decoder, EngineConfig config, std::unique_ptr<Drafter> drafter)
    : config_(settle(config, decoder)), loop_(std::make_unique<Loop>(decoder, config_, std::move(drafter))) {}

Engine::~Engine() = default;

Result<std::unique_ptr<GenerationHandle>> Engine::submit(GenerationRequest request) {
  ATELIER_TRY_STATUS(check(request, config_));
  request.max_tokens = std::min(request.max_tokens, config_.max_model_len - std::ssize(request.prompt));
  return loop_->submit(std::move(request));
}

Status Engine::room() const {
  return loop_->room();
}

void Engine::drain() {
  loop_->drain();
}

EngineStats Engine::stats() const {
  return loop_->stats();
}

}  // namespace atelier::engine
