// The body of POST /v1/embeddings, checked and typed.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "api/completion_request.h"
#include "base/result.h"

namespace atelier::api {

inline constexpr std::size_t kMaxEmbeddingInputs = 1024;

// Of the generation's fields those hold that are about the prompt: model, truncate_prompt, priority,
// cache_salt, request_id.
struct EmbeddingRequest : GenerationFields {
  std::vector<Prompt> inputs;              // not empty
  std::optional<std::int64_t> dimensions;  // that the client expects
  bool base64 = false;                     // little-endian floats, instead of a list of numbers
  bool normalize = true;                   // to length 1
};

// `body` is the raw JSON text. Any thread.
Result<EmbeddingRequest> parse_embedding_request(std::string_view body);
Result<EmbeddingRequest> read_embedding_request(FieldReader& reader);

}  // namespace atelier::api
