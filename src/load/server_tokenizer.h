// The tokenizer of the server under load, asked over HTTP, so that prompts have the length that was wanted in
// the server's own tokens. Speaks vLLM's /tokenize (ours too) and llama-server's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/transfers.h"

namespace atelier::load {

class ServerTokenizer {
 public:
  // kUnsupported: the server has no /tokenize that is known here.
  static Result<ServerTokenizer> find(client::Transfers& transfers, std::string model);

  // Of `text` alone, without special tokens.
  Result<std::vector<std::int32_t>> encode(std::string_view text);
  // Tokens of a prompt whose one message is the user's `text`, the chat template's own included.
  Result<std::int64_t> count_chat(std::string_view text);

 private:
  enum class Dialect { kVllm, kLlama };
  ServerTokenizer(client::Transfers& transfers, std::string model, Dialect dialect)
      : transfers_(&transfers), model_(std::move(model)), dialect_(dialect) {}

  client::Transfers* transfers_;
  std::string model_;
  Dialect dialect_;
};

}  // namespace atelier::load
