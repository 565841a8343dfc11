// What a model's tensors are called, in the two naming schemes files use.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/tensor_source.h"

namespace atelier::model {

enum class LayerTensor { kAttentionNorm, kFfnNorm, kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };

class TensorNames {
 public:
  // Which scheme `source` uses: GGUF's where it holds "token_embd.weight", else Hugging Face's.
  static TensorNames of(const formats::TensorSource& source);

  bool gguf() const { return gguf_; }
  std::string embedding() const { return gguf_ ? "token_embd.weight" : "model.embed_tokens.weight"; }
  std::string head() const { return gguf_ ? "output.weight" : "lm_head.weight"; }
  std::string final_norm() const { return gguf_ ? "output_norm.weight" : "model.norm.weight"; }
  std::string rope_factors() const { return "rope_freqs.weight"; }  // GGUF only
  // suffix: "weight", "bias"
  std::string layer(std::int64_t index, LayerTensor tensor, std::string_view suffix = "weight") const;

 private:
  explicit TensorNames(bool gguf) : gguf_(gguf) {}
  bool gguf_;
};

}  // namespace atelier::model
