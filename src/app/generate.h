// Runs one generation to its end, for commands that wait for it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace atelier::app {

struct Generated {
  std::vector<engine::TokenEvent> tokens;
  engine::GenerationEnd end;  // kStop, kLength or kCancelled
};

// `each` is called with every token as it comes, on this thread. A generation that failed is a Failure.
Result<Generated> generate(engine::Engine& engine, engine::GenerationRequest request,
                           const std::function<void(std::int32_t)>& each);

}  // namespace atelier::app
