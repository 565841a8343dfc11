// Where a request's sampling comes from if it says nothing: --generation-config and what goes over it.
#pragma once

#include <string>

#include "base/result.h"
#include "bundle/model_bundle.h"

namespace atelier::app {

// `source`: "auto" = `files`, the model's own; "vllm" = neutral; else a generation_config.json or its folder.
// `overrides`: a JSON object or "". kBadRequest, param "--generation-config": no such file, or no JSON.
Result<bundle::GenerationDefaults> sampling_advice(const bundle::GenerationDefaults& files,
                                                   const std::string& source, const std::string& overrides);

// --chat-template: a file, or the template's own text. nullopt: `source` is "".
Result<std::optional<text::ChatTemplate>> chosen_template(const std::string& source);

}  // namespace atelier::app
