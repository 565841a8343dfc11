// Beam search over the engine: every live beam is a generation of one token, submitted anew for each step;
// the prefix cache makes what they share cheap. Its beams look like so many generations to their client: each
// has a handle, and all their tokens come at once, when the search has ended.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/generation.h"

namespace atelier::engine {

struct BeamTerms {
  int width = 1;
  double length_penalty = 1.0;
};

// `width` handles, the best beam's first. Of request.sampling only `logprobs` counts: beams are compared by
// the model's own log-probabilities; prompts are not scored. All handles are one client's, on one thread at a
// time; the search goes on when one of them is asked for news. The engine must outlive them. Failures as
// Engine::submit.
Result<std::vector<std::unique_ptr<GenerationHandle>>> submit_beams(Engine& engine, GenerationRequest request,
                                                                    const BeamTerms& terms);

}  // namespace atelier::engine
