#include "model/config.h"

#include <cmath>

namespace atelier::model {
namespace {

struct IntegerRange {
  const char* name;
  std::int64_t value, least, most;
};

struct NumberRange {
  const char* name;
  double value, least, most;
};

Status check(const IntegerRange& field) {
  if (field.value >= field.least && field.value <= field.most) return {};
  return fail(Fault::kBadRequest, "the model's {} is {}; {} to {} can be", field.name, field.value,
              field.least, field.most);
}

Status check(const NumberRange& field) {
  if (field.value >= field.least && field.value <= field.most) return {};  // NaN is in no range
  return fail(Fault::kBadRequest, "the model's {} is {}; {} to {} can be", field.name, field.value,
              field.least, field.most);
}

Status check_heads(const ModelConfig& config) {
  if (config.heads % config.kv_heads != 0)
    return fail(Fault::kBadRequest, "the model's {} attention heads do not share {} KV heads evenly",
                config.heads, config.kv_heads);
  if (config.head_dim % 2 != 0)
    return fail(Fault::kBadRequest, "the model's head size is {}; it must be even, as rope turns pairs",
                config.head_dim);
  return {};
}

Status check_rope(const RopeConfig& rope) {
  for (const NumberRange& field :
       {NumberRange{"rope theta", rope.theta, 1.0, 1e12},
        NumberRange{"rope scaling factor", rope.factor, 1.0, 1e4},
        NumberRange{"rope scaling beta_fast", rope.beta_fast, 1e-3, 1e6},
        NumberRange{"rope scaling beta_slow", rope.beta_slow, 1e-3, 1e6},
        NumberRange{"rope scaling attention factor", rope.attention_factor, 1e-3, 1e3},
        NumberRange{"rope scaling low_freq_factor", rope.low_freq_factor, 1e-3, 1e6},
        NumberRange{"rope scaling high_freq_factor", rope.high_freq_factor, 1e-3, 1e6}})
    ATELIER_TRY_STATUS(check(field));
  const bool needs_original = rope.kind == RopeConfig::Kind::kYarn || rope.kind == RopeConfig::Kind::kLlama3;
  if (needs_original)
    ATELIER_TRY_STATUS(
        check(IntegerRange{"rope scaling's original context", rope.original_context, 1, 1 << 27}));
  if (rope.kind == RopeConfig::Kind::kYarn && rope.theta <= 1.0)
    return fail(Fault::kBadRequest, "YaRN needs a rope theta over 1; this one is {}", rope.theta);
  if (rope.kind == RopeConfig::Kind::kLlama3 && rope.high_freq_factor <= rope.low_freq_factor)
    return fail(Fault::kBadRequest, "rope scaling's high_freq_factor {} must be over its low_freq_factor {}",
                rope.high_freq_factor, rope.low_freq_factor);
  return {};
}

}  // namespace

Status check_config(const ModelConfig& config) {
  for (const IntegerRange& field : {IntegerRange{"hidden size", config.hidden, 1, 1 << 17},
                                    IntegerRange{"layer count", config.layers, 1, 1024},
                                    IntegerRange{"attention head count", config.heads, 1, 1024},
                                    IntegerRange{"KV head count", config.kv_heads, 1, 1024},
                                    IntegerRange{"head size", config.head_dim, 2, 1024},
                                    IntegerRange{"feed-forward size", config.ffn, 1, 1 << 20},
                                    IntegerRange{"vocabulary", config.vocab_rows, 1, 1 << 24},
                                    IntegerRange{"context length", config.max_context, 1, 1 << 27}})
    ATELIER_TRY_STATUS(check(field));
  ATELIER_TRY_STATUS(check(NumberRange{"RMS norm epsilon", config.rms_eps, 0.0, 1.0}));
  ATELIER_TRY_STATUS(check_heads(config));
  return check_rope(config.rope);
}

Status extend_context(ModelConfig& config, std::int64_t tokens) {
  if (tokens <= config.max_context) return {};
  const bool declared = config.rope.kind != RopeConfig::Kind::kPlain;
  const std::int64_t most = declared ? config.max_context : kMostStretch * config.max_context;
  if (tokens > most) {
    return fail_param(
        Fault::kBadRequest, "--max-model-len",
        fmt::format("--max-model-len {} is more than {} tokens: this model declares {}{}", tokens, most,
                    config.max_context,
                    declared ? "" : fmt::format(", and YaRN reaches {} times as far", kMostStretch)));
  }
  config.long_context = tokens;
  config.long_rope = config.rope;
  config.long_rope.kind = RopeConfig::Kind::kYarn;
  config.long_rope.factor = static_cast<double>(tokens) / static_cast<double>(config.max_context);
  config.long_rope.original_context = config.max_context;
  config.long_rope.attention_factor = 0.1 * std::log(config.long_rope.factor) + 1.0;  // YaRN, section 3.4
  return {};
}

}  // namespace atelier::model
