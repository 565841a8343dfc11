// A model's tokenizer, as its files hold it: GGUF metadata or Hugging Face's JSON documents.
#pragma once

#include <optional>

#include "base/result.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "text/tokenizer_data.h"

namespace atelier::bundle {

// nullopt: the file holds no tokenizer. kUnsupported names a kind of tokenizer this program does not have.
Result<std::optional<text::TokenizerData>> tokenizer_from_gguf(const formats::GgufFile& file);
Result<std::optional<text::TokenizerData>> tokenizer_from_hf(const formats::HfFolder& folder);

}  // namespace atelier::bundle
