#include "app/generate.h"

#include <utility>

namespace atelier::app {

Result<Generated> generate(engine::Engine& engine, engine::GenerationRequest request,
                           const std::function<void(std::int32_t)>& each) {
  ATELIER_TRY(const auto handle, engine.submit(std::move(request)));
  Generated out;
  while (true) {
    engine::GenerationUpdate update = handle->wait();
    for (engine::TokenEvent& token : update.tokens) {
      each(token.id);
      out.tokens.push_back(std::move(token));
    }
    if (!update.end) continue;
    out.end = *std::move(update.end);
    if (out.end.reason == engine::FinishReason::kFailed) return fail(Fault::kInternal, "{}", out.end.error);
    return out;
  }
}

}  // namespace atelier::app
