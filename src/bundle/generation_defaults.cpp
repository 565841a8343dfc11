#include "bundle/generation_defaults.h"

#include <cmath>

#include "base/log.h"
#include "bundle/json_fields.h"

namespace atelier::bundle {
namespace {

struct Range {
  double least, most;
  bool whole = false;
};

std::optional<double> read(const boost::json::object& config, const char* name, Range range) {
  const auto value = number_field(config, name);
  if (!value) return std::nullopt;
  if (*value >= range.least && *value <= range.most && (!range.whole || std::trunc(*value) == *value))
    return value;
  log_warning("generation_config.json sets {} to {}, which is left out; {} to {} can be", name, *value,
              range.least, range.most);
  return std::nullopt;
}

std::optional<float> narrow(std::optional<double> value) {
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

}  // namespace

GenerationDefaults read_generation_defaults(const boost::json::object& config) {
  constexpr double kSmallest = 1e-6;  // of what must be above 0
  const auto top_k = read(config, "top_k", {.least = 0, .most = 1 << 22, .whole = true});
  return {
      .temperature = narrow(read(config, "temperature", {.least = 0, .most = 100})),
      .top_p = narrow(read(config, "top_p", {.least = kSmallest, .most = 1})),
      .repetition_penalty = narrow(read(config, "repetition_penalty", {.least = kSmallest, .most = 100})),
      .top_k = top_k ? std::optional(static_cast<std::int32_t>(*top_k)) : std::nullopt,
  };
}

}  // namespace atelier::bundle
