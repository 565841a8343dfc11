// Reads a ModelConfig from GGUF metadata. Keys: ggml docs/gguf.md; the rope.scaling ones also llama.cpp's
// gguf-py constants.
#include <cmath>

#include "model/config.h"

namespace atelier::model {
namespace {

using formats::GgufFile;

// The keys of one architecture: "qwen2.block_count" and so on.
class Keys {
 public:
  Keys(const GgufFile& file, std::string architecture)
      : file_(file), prefix_(std::move(architecture) + ".") {}

  Result<std::int64_t> required(std::string_view name) const {
    if (const auto value = file_.integer(key(name))) return *value;
    return fail(Fault::kCorrupt, "the file has no integer '{}'", key(name));
  }
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const {
    return file_.integer(key(name)).value_or(otherwise);
  }
  double number(std::string_view name, double otherwise) const {
    return file_.number(key(name)).value_or(otherwise);
  }
  std::optional<std::string> string(std::string_view name) const { return file_.string(key(name)); }
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }

 private:
  const GgufFile& file_;
  std::string prefix_;
};

Result<std::string> read_architecture(const GgufFile& file) {
  const auto architecture = file.string("general.architecture");
  if (!architecture) return fail(Fault::kCorrupt, "the file has no string 'general.architecture'");
  if (*architecture != "qwen2" && *architecture != "llama")
    return fail(Fault::kUnsupported, "architecture '{}' is not supported; qwen2 and llama are",
                *architecture);
  return *architecture;
}

Status read_heads(const Keys& keys, ModelConfig& config) {
  ATELIER_TRY(config.heads, keys.required("attention.head_count"));
  config.kv_heads = keys.integer("attention.head_count_kv", config.heads);
  const std::int64_t even_share = config.heads > 0 ? config.hidden / config.heads : 0;
  config.head_dim = keys.integer("attention.key_length", even_share);
  const std::int64_t value_length = keys.integer("attention.value_length", config.head_dim);
  if (value_length != config.head_dim)
    return fail(Fault::kUnsupported, "keys of {} and values of {} per head; only equal sizes are supported",
                config.head_dim, value_length);
  const std::int64_t rotated = keys.integer("rope.dimension_count", config.head_dim);
  if (rotated != config.head_dim)
    return fail(Fault::kUnsupported, "rope turns {} of {} dims per head; only whole heads are supported",
                rotated, config.head_dim);
  if (const std::int64_t experts = keys.integer("expert_count", 0); experts > 0)
    return fail(Fault::kUnsupported, "the model mixes {} experts; only dense models are supported", experts);
  return {};
}

Status read_rope(const Keys& keys, ModelConfig& config) {
  RopeConfig& rope = config.rope;
  rope.theta = keys.number("rope.freq_base", 10000.0);
  const std::string type = keys.string("rope.scaling.type").value_or("none");
  rope.factor = keys.number("rope.scaling.factor", keys.number("rope.scale_linear", 1.0));
  rope.original_context = keys.integer("rope.scaling.original_context_length", config.max_context);
  if (type == "yarn") {
    rope.kind = RopeConfig::Kind::kYarn;
    rope.beta_fast = keys.number("rope.scaling.yarn_beta_fast", 32.0);
    rope.beta_slow = keys.number("rope.scaling.yarn_beta_slow", 1.0);
    const double own =
        keys.number("rope.scaling.yarn_attn_factor", keys.number("rope.scaling.attn_factor", 1.0));
    rope.attention_factor =
        own * (0.1 * std::log(rope.factor) + 1.0);  // as llama.cpp: a factor on the usual one
  } else if (type == "linear" || (type == "none" && rope.factor != 1.0)) {
    rope.kind = RopeConfig::Kind::kLinear;
  } else if (type != "none") {
    return fail(Fault::kUnsupported, "rope scaling '{}' is not supported; none, linear and yarn are", type);
  }
  return {};
}

}  // namespace

Result<ModelConfig> config_from_gguf(const GgufFile& file) {
  ModelConfig config;
  ATELIER_TRY(config.architecture, read_architecture(file));
  config.name = file.string("general.name").value_or("");
  const Keys keys(file, config.architecture);
  ATELIER_TRY(config.hidden, keys.required("embedding_length"));
  ATELIER_TRY(config.layers, keys.required("block_count"));
  ATELIER_TRY(config.ffn, keys.required("feed_forward_length"));
  ATELIER_TRY(config.max_context, keys.required("context_length"));
  ATELIER_TRY_STATUS(read_heads(keys, config));
  config.rms_eps = keys.number("attention.layer_norm_rms_epsilon", 1e-6);
  ATELIER_TRY_STATUS(read_rope(keys, config));

  const formats::TensorEntry* embedding = file.find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2)
    return fail(Fault::kCorrupt, "the file has no matrix 'token_embd.weight'");
  config.vocab_rows = embedding->shape[0];
  config.tied = file.find("output.weight") == nullptr;
  ATELIER_TRY_STATUS(check_config(config));
  return config;
}

}  // namespace atelier::model
