// The options that every command which runs a model takes: which model, and how to run it.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "config/serve_config.h"
#include "formats/model_hub.h"
#include "model/decoder_options.h"

namespace atelier::app {

struct ModelOptions {
  std::string model;  // a file, a folder, a hub id or a catalogue name
  int threads = 0;    // of the step; 0 = one per core this process may use
  std::string isa;    // "" = the best this machine has
  model::DecoderOptions decoder;
  std::int64_t max_model_len = 0;  // tokens of prompt + output; 0 = what the model declares and memory holds
  std::string packed_cache;        // folder that keeps packed weights; "" = none
  formats::HubWishes hub;
};

// What a ServeConfig says of the same; an instruction set that this machine lacks is refused.
Result<ModelOptions> model_options(const config::ServeConfig::Model& model);

// Adds MODEL (also spelled --model), --threads, --isa, --compute, --performance-mode, --kv-cache-dtype,
// --max-model-len and --packed-cache.
// Values that cannot be are usage errors (exit 2), among them an instruction set that this machine lacks.
// `options` must outlive the parse.
void add_model_options(CLI::App& command, ModelOptions& options);

// As --compute spells it.
const char* compute_name(kernels::Compute compute);

}  // namespace atelier::app
