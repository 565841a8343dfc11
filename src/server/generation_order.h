// What is asked of the engine for one request: the client's wishes, the model's defaults where it had none.
#pragma once

#include "api/generation_fields.h"
#include "base/result.h"
#include "engine/generation.h"
#include "server/prompts.h"
#include "server/served_model.h"

namespace atelier::server {

// What all answers of a request have in common; it has no prompt and no max_tokens yet. kBadRequest: ids out
// of the vocabulary, bad words that are no tokens.
Result<engine::GenerationRequest> generation_order(const ServedModel& model,
                                                   const api::GenerationFields& fields);

// The order for answer `choice` (0, 1, …) to one prompt; with a seed each answer has its own. max_tokens 0:
// there is nothing to generate and nothing to score.
engine::GenerationRequest order_for(const ServedModel& model, const engine::GenerationRequest& common,
                                    const api::GenerationFields& fields, const PreparedPrompt& prompt,
                                    int choice);

}  // namespace atelier::server
