// The model that a server serves: its name, its files' facts and the engine that runs it.
#pragma once

#include <algorithm>
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

  // Tokens that an answer may have which set no limit: it does not reach beyond the model's native length
  // unless its prompt does.
  std::int64_t room_behind(std::int64_t prompt_tokens) const {
    const engine::EngineConfig& config = engine.config();
    const std::int64_t end = prompt_tokens < config.native_len ? config.native_len : config.max_model_len;
    return std::min(end, config.max_model_len) - prompt_tokens;
  }
};

}  // namespace atelier::server
