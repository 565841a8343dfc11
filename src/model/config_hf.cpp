// Reads a ModelConfig from a Hugging Face config.json, of transformers 4 (rope_theta, rope_scaling) or 5
// (rope_parameters). Meaning and defaults: transformers' Qwen2Config, LlamaConfig and modeling_rope_utils.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <optional>

#include "model/config.h"

namespace atelier::model {
namespace {

using boost::json::object;

// One JSON object read field by field; a field that is null is absent, one of the wrong type is an error.
class Fields {
 public:
  Fields(const object& json, std::string_view where) : json_(json), where_(where) {}

  const boost::json::value* find(std::string_view name) const {
    const boost::json::value* value = json_.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  Result<std::int64_t> required(std::string_view name) const {
    if (find(name) == nullptr) return fail(Fault::kCorrupt, "{} has no '{}'", where_, name);
    return integer(name, 0);
  }
  Result<std::int64_t> integer(std::string_view name, std::int64_t otherwise) const {
    const boost::json::value* value = find(name);
    if (value == nullptr) return otherwise;
    boost::system::error_code error;
    const std::int64_t number = value->to_number<std::int64_t>(error);  // accepts 256.0, refuses 1.5
    if (error) return fail(Fault::kBadRequest, "{}'s '{}' is not an integer", where_, name);
    return number;
  }
  Result<double> number(std::string_view name, double otherwise) const {
    const boost::json::value* value = find(name);
    if (value == nullptr) return otherwise;
    if (!value->is_number()) return fail(Fault::kBadRequest, "{}'s '{}' is not a number", where_, name);
    return value->to_number<double>();
  }
  Result<bool> boolean(std::string_view name, bool otherwise) const {
    const boost::json::value* value = find(name);
    if (value == nullptr) return otherwise;
    if (!value->is_bool()) return fail(Fault::kBadRequest, "{}'s '{}' is not true or false", where_, name);
    return value->get_bool();
  }
  Result<std::string> string(std::string_view name, std::string_view otherwise) const {
    const boost::json::value* value = find(name);
    if (value == nullptr) return std::string(otherwise);
    if (!value->is_string()) return fail(Fault::kBadRequest, "{}'s '{}' is not a string", where_, name);
    return std::string(value->get_string());
  }
  Result<const object*> child(std::string_view name) const {
    const boost::json::value* value = find(name);
    if (value == nullptr) return nullptr;
    if (!value->is_object()) return fail(Fault::kBadRequest, "{}'s '{}' is not an object", where_, name);
    return &value->get_object();
  }

 private:
  const object& json_;
  std::string_view where_;
};

Result<std::string> read_architecture(const Fields& fields) {
  ATELIER_TRY(const std::string type, fields.string("model_type", ""));
  if (type != "qwen2" && type != "llama")
    return fail(Fault::kUnsupported, "model_type '{}' is not supported; qwen2 and llama are", type);
  ATELIER_TRY(const std::string activation, fields.string("hidden_act", "silu"));
  if (activation != "silu")
    return fail(Fault::kUnsupported, "hidden_act '{}' is not supported; silu is", activation);
  ATELIER_TRY(const bool mlp_bias, fields.boolean("mlp_bias", false));
  if (mlp_bias)
    return fail(Fault::kUnsupported, "mlp_bias is true; biases in the feed-forward are not supported");
  return type;
}

Status read_heads(const Fields& fields, ModelConfig& config) {
  ATELIER_TRY(config.heads, fields.required("num_attention_heads"));
  ATELIER_TRY(config.kv_heads, fields.integer("num_key_value_heads", config.heads));
  const std::int64_t even_share = config.heads > 0 ? config.hidden / config.heads : 0;
  ATELIER_TRY(config.head_dim, fields.integer("head_dim", even_share));
  return {};
}

// Layers that look back only so far are read as if they looked back without end; so the context ends where
// the two would begin to differ.
Status limit_to_window(const Fields& fields, ModelConfig& config) {
  ATELIER_TRY(const bool used, fields.boolean("use_sliding_window", false));
  ATELIER_TRY(const std::int64_t whole_layers, fields.integer("max_window_layers", 28));
  ATELIER_TRY(const std::int64_t window, fields.integer("sliding_window", 0));
  if (used && window > 0 && whole_layers < config.layers)
    config.max_context = std::min(config.max_context, window);
  return {};
}

// --- rope ---

double yarn_scale(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

Status read_yarn(const Fields& scaling, const ModelConfig& config, RopeConfig& rope) {
  rope.kind = RopeConfig::Kind::kYarn;
  if (scaling.find("factor") == nullptr && rope.original_context > 0)
    rope.factor = static_cast<double>(config.max_context) / static_cast<double>(rope.original_context);
  ATELIER_TRY(rope.beta_fast, scaling.number("beta_fast", 32.0));
  ATELIER_TRY(rope.beta_slow, scaling.number("beta_slow", 1.0));
  ATELIER_TRY(rope.truncate, scaling.boolean("truncate", true));
  ATELIER_TRY(const double mscale, scaling.number("mscale", 0.0));
  ATELIER_TRY(const double mscale_all_dim, scaling.number("mscale_all_dim", 0.0));
  const double usual = mscale != 0.0 && mscale_all_dim != 0.0
                           ? yarn_scale(rope.factor, mscale) / yarn_scale(rope.factor, mscale_all_dim)
                           : yarn_scale(rope.factor, 1.0);
  ATELIER_TRY(rope.attention_factor, scaling.number("attention_factor", usual));
  return {};
}

Status read_llama3(const Fields& scaling, RopeConfig& rope) {
  rope.kind = RopeConfig::Kind::kLlama3;
  ATELIER_TRY(rope.low_freq_factor, scaling.number("low_freq_factor", 1.0));
  ATELIER_TRY(rope.high_freq_factor, scaling.number("high_freq_factor", 4.0));
  return {};
}

Status read_scaling(const object& json, ModelConfig& config) {
  const Fields scaling(json, "config.json's rope scaling");
  RopeConfig& rope = config.rope;
  ATELIER_TRY(rope.theta, scaling.number("rope_theta", rope.theta));
  ATELIER_TRY(const double share, scaling.number("partial_rotary_factor", 1.0));
  if (share != 1.0)
    return fail(Fault::kUnsupported, "partial_rotary_factor {} is not supported; only 1 is", share);
  ATELIER_TRY(const std::string old_name, scaling.string("type", "default"));
  ATELIER_TRY(const std::string type, scaling.string("rope_type", old_name));
  if (type == "default") return {};
  ATELIER_TRY(rope.factor, scaling.number("factor", 1.0));
  ATELIER_TRY(rope.original_context, scaling.integer("original_max_position_embeddings", config.max_context));
  if (type == "linear") {
    rope.kind = RopeConfig::Kind::kLinear;
    return {};
  }
  if (type == "yarn") return read_yarn(scaling, config, rope);
  if (type == "llama3") return read_llama3(scaling, rope);
  return fail(Fault::kUnsupported, "rope scaling '{}' is not supported; default, linear, yarn and llama3 are",
              type);
}

// YaRN is switched on by adding rope_scaling alone, the declared length being the unscaled one (Qwen2.5's
// model card): what it was scaled to is then the context.
void extend_yarn_context(ModelConfig& config) {
  if (config.rope.kind != RopeConfig::Kind::kYarn) return;
  const double reach = static_cast<double>(config.rope.original_context) * config.rope.factor;
  if (reach < 1e9) config.max_context = std::max(config.max_context, static_cast<std::int64_t>(reach));
}

Status read_rope(const Fields& fields, ModelConfig& config) {
  ATELIER_TRY(config.rope.theta, fields.number("rope_theta", 10000.0));
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    ATELIER_TRY(const object* json, fields.child(name));
    if (json != nullptr) ATELIER_TRY_STATUS(read_scaling(*json, config));
  }
  extend_yarn_context(config);
  return {};
}

}  // namespace

Result<ModelConfig> config_from_hf(const object& json) {
  const Fields fields(json, "config.json");
  ModelConfig config;
  ATELIER_TRY(config.architecture, read_architecture(fields));
  ATELIER_TRY(config.name, fields.string("_name_or_path", ""));
  ATELIER_TRY(config.hidden, fields.required("hidden_size"));
  ATELIER_TRY(config.layers, fields.required("num_hidden_layers"));
  ATELIER_TRY(config.ffn, fields.required("intermediate_size"));
  ATELIER_TRY(config.vocab_rows, fields.required("vocab_size"));
  ATELIER_TRY(config.max_context, fields.required("max_position_embeddings"));
  ATELIER_TRY(config.rms_eps, fields.number("rms_norm_eps", 1e-6));
  ATELIER_TRY(config.tied, fields.boolean("tie_word_embeddings", false));
  ATELIER_TRY_STATUS(read_heads(fields, config));
  ATELIER_TRY_STATUS(limit_to_window(fields, config));
  ATELIER_TRY_STATUS(read_rope(fields, config));
  ATELIER_TRY_STATUS(check_config(config));
  return config;
}

}  // namespace atelier::model
