// What is asked of the engine for one request: the client's wishes, the model's defaults where it had none.
#pragma once

#include <cstdint>
#include <vector>

#include "api/generation_fields.h"
#include "base/result.h"
#include "engine/generation.h"
#include "server/served_model.h"

namespace atelier::server {

// The order for choice `choice` (0 … n-1) of a prompt; with a seed each choice has its own. kBadRequest:
// stop_token_ids out of the vocabulary.
Result<engine::GenerationRequest> generation_order(const ServedModel& model,
                                                   const api::GenerationFields& fields,
                                                   std::vector<std::int32_t> prompt, int choice);

}  // namespace atelier::server
