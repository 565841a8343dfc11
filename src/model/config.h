// A model's shape and constants, whatever file they were read from. Every field is range-checked when read.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/gguf.h"

namespace atelier::model {

struct RopeConfig {
  enum class Kind { kPlain, kYarn, kLlama3, kLinear };
  Kind kind = Kind::kPlain;
  double theta = 10000.0;
  double factor = 1.0;
  std::int64_t original_context = 0;                     // yarn, llama3
  double beta_fast = 32.0, beta_slow = 1.0;              // yarn
  bool truncate = true;                                  // yarn: the ramp begins and ends at whole dims
  double attention_factor = 1.0;                         // yarn: cos and sin are multiplied by it
  double low_freq_factor = 1.0, high_freq_factor = 4.0;  // llama3
};

struct ModelConfig {
  std::string architecture;  // "qwen2", "llama"
  std::string name;
  std::int64_t hidden = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0;
  std::int64_t vocab_rows = 0;   // rows of the embedding; may exceed the tokenizer's real ids
  std::int64_t max_context = 0;  // as declared
  double rms_eps = 1e-6;
  bool tied = false;  // the head is the embedding
  RopeConfig rope = {};
  // Beyond max_context, where the file declares nothing for it: how far sequences may go that are turned by
  // long_rope from their first token on; 0 = no further.
  std::int64_t long_context = 0;
  RopeConfig long_rope = {};

  std::int64_t reach() const { return long_context > 0 ? long_context : max_context; }
};

// The most that YaRN may stretch a context whose file declares no scaling: what Qwen2.5's model card gives.
inline constexpr std::int64_t kMostStretch = 4;

// Lets sequences reach `tokens`: YaRN for those that need it, and only for them, since it costs short ones
// quality. Nothing to do within max_context. kBadRequest names the most that can be.
Status extend_context(ModelConfig& config, std::int64_t tokens);

// The two readers end here. kBadRequest names the field, its value and the range.
Status check_config(const ModelConfig& config);

Result<ModelConfig> config_from_gguf(const formats::GgufFile& file);
Result<ModelConfig> config_from_hf(const boost::json::object& config);

}  // namespace atelier::model
