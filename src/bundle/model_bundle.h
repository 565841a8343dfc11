// A ModelBundle is everything that belongs to one model, joined from whatever files it came in: shape,
// weights, tokenizer, chat template and generation defaults.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/tensor_source.h"
#include "model/config.h"
#include "model/weights.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace atelier::bundle {

// What generation_config.json recommends; nullopt = the file says nothing. GGUF files carry none.
struct GenerationDefaults {
  std::optional<float> temperature, top_p, repetition_penalty;
  std::optional<std::int32_t> top_k;
};

struct ModelBundle {
  std::filesystem::path path;
  std::unique_ptr<formats::TensorSource> source;  // weights still on disk
  model::ModelConfig config;
  std::optional<text::Tokenizer> tokenizer;  // nullopt where the files hold none
  std::optional<text::ChatTemplate> chat_template;
  GenerationDefaults generation;

  // The text of bos/eos for templates; "" where there is none.
  std::string bos_text() const;
  std::string eos_text() const;
};

// Opens a .gguf file or a Hugging Face folder: headers, tokenizer and template, no weights yet.
Result<ModelBundle> open_bundle(const std::filesystem::path& path);

}  // namespace atelier::bundle
