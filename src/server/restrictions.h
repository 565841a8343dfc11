// From what a client forbids or favours, in words and ids, to what the sampler knows.
#pragma once

#include <memory>

#include "api/generation_fields.h"
#include "base/result.h"
#include "engine/generation.h"
#include "server/served_model.h"

namespace atelier::server {

// Null where nothing is restricted. kBadRequest: ids out of the vocabulary, words that are no tokens.
Result<std::shared_ptr<const sample::Restrictions>> restrictions(const ServedModel& model,
                                                                 const api::GenerationFields& fields);

}  // namespace atelier::server
