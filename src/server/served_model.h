// The model that a server serves: its name, its files' facts and the engine that runs it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/model_bundle.h"
#include "engine/engine.h"

namespace atelier::server {

// What whoever runs the server decided about its API.
struct ApiRules {
  std::optional<std::uint64_t> seed = {};  // of requests that bring none
  std::int32_t max_logprobs = 20;          // alternatives per token that a request may ask for; -1: all
  std::string response_role = "assistant";
  bool force_include_usage = false;  // streams end with their usage, asked for or not
  bool log_requests = false;         // a line when a generation begins: parameters, never the prompt
};

// Everything referred to outlives the server.
struct ServedModel {
  std::string id;                         // what requests call it
  std::vector<std::string> aliases = {};  // what they may call it, too
  std::string root;                       // the model behind that name
  std::int64_t created = 0;
  ApiRules rules = {};
  const bundle::ModelBundle& bundle;  // with a tokenizer
  engine::Engine& engine;

  const text::Tokenizer& tokenizer() const { return *bundle.tokenizer; }
  bool is_called(std::string_view name) const {
    return name == id || std::ranges::find(aliases, name) != aliases.end();
  }
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
