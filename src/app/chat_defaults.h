// How a chat samples where nobody said otherwise.
#pragma once

#include <string_view>

#include "bundle/model_bundle.h"
#include "sample/sampling_options.h"

namespace atelier::app {

// What the model's generation_config.json says; where it is silent (GGUF files carry none), what the model's
// family publishes: Qwen2.5-Instruct 0.7 / 0.8 / 20 / 1.05, Llama-like models 0.6 / 0.9.
inline sample::SamplingOptions chat_defaults(const bundle::GenerationDefaults& file,
                                             std::string_view architecture) {
  const bool silent = !file.temperature && !file.top_p && !file.top_k && !file.repetition_penalty;
  sample::SamplingOptions sampling;
  if (silent && architecture == "qwen2") {
    sampling.temperature = 0.7f;
    sampling.top_p = 0.8f;
    sampling.top_k = 20;
    sampling.repetition_penalty = 1.05f;
  } else if (silent) {
    sampling.temperature = 0.6f;
    sampling.top_p = 0.9f;
  } else {
    sampling.temperature = file.temperature.value_or(1.0f);
    sampling.top_p = file.top_p.value_or(1.0f);
    sampling.top_k = file.top_k.value_or(0);
    sampling.repetition_penalty = file.repetition_penalty.value_or(1.0f);
  }
  return sampling;
}

}  // namespace atelier::app
