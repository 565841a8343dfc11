// The model that a server serves: its name, its files' facts and the engine that runs it.
#pragma once

#include <cstdint>
#include <string>

#include "bundle/model_bundle.h"
#include "engine/engine.h"

namespace atelier::server {

// Everything referred to outlives the server.
struct ServedModel {
  std::string id;    // what requests call it
  std::string root;  // the model behind that name
  std::int64_t created = 0;
  const bundle::ModelBundle& bundle;  // with a tokenizer
  engine::Engine& engine;

  const text::Tokenizer& tokenizer() const { return *bundle.tokenizer; }
  std::int64_t max_model_len() const { return engine.config().max_model_len; }
};

}  // namespace atelier::server
