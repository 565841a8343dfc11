#include "model/rope_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace atelier::model {
namespace {

// theta^(-2i/d)
double plain(const RopeConfig& rope, double dim, double i) {
  return std::pow(rope.theta, -2.0 * i / dim);
}

// YaRN (Peng et al. 2023, section 3.2): dims that turn more than beta_fast times within the original context
// stay, those that turn less than beta_slow times are interpolated, a ramp between.
double yarn(const RopeConfig& rope, double dim, double i) {
  const auto dim_turning = [&](double times) {
    return dim * std::log(static_cast<double>(rope.original_context) / (times * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(rope.theta));
  };
  double low = dim_turning(rope.beta_fast), high = dim_turning(rope.beta_slow);
  if (rope.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  if (low == high) high += 0.001;
  const double ramp = std::clamp((i - low) / (high - low), 0.0, 1.0);
  const double frequency = plain(rope, dim, i);
  return frequency / rope.factor * ramp + frequency * (1.0 - ramp);
}

// Llama 3.1: long waves are stretched by the factor, short ones stay, smoothly between.
double llama3(const RopeConfig& rope, double dim, double i) {
  const double frequency = plain(rope, dim, i), wave = 2.0 * std::numbers::pi / frequency;
  const double original = static_cast<double>(rope.original_context);
  if (wave > original / rope.low_freq_factor) return frequency / rope.factor;
  if (wave < original / rope.high_freq_factor) return frequency;
  const double smooth =
      (original / wave - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
  return (1.0 - smooth) * frequency / rope.factor + smooth * frequency;
}

double frequency(const RopeConfig& rope, double dim, double i) {
  switch (rope.kind) {
    case RopeConfig::Kind::kPlain:
      return plain(rope, dim, i);
    case RopeConfig::Kind::kLinear:
      return plain(rope, dim, i) / rope.factor;
    case RopeConfig::Kind::kYarn:
      return yarn(rope, dim, i);
    case RopeConfig::Kind::kLlama3:
      return llama3(rope, dim, i);
  }
  return plain(rope, dim, i);
}

}  // namespace

RopeTable::RopeTable(const RopeConfig& rope, std::int64_t head_dim, std::span<const float> factors)
    : scale_(rope.kind == RopeConfig::Kind::kYarn ? rope.attention_factor : 1.0) {
  for (std::int64_t i = 0; i < head_dim / 2; ++i) {
    const double factor = factors.empty() ? 1.0 : static_cast<double>(factors[static_cast<std::size_t>(i)]);
    const double turning = frequency(rope, static_cast<double>(head_dim), static_cast<double>(i));
    inverse_.push_back(static_cast<float>(turning / factor));
  }
}

void RopeTable::at(std::int64_t position, float* cos, float* sin) const {
  for (std::size_t i = 0; i < inverse_.size(); ++i) {
    const double angle = static_cast<double>(static_cast<float>(position) * inverse_[i]);
    cos[i] = static_cast<float>(std::cos(angle) * scale_);
    sin[i] = static_cast<float>(std::sin(angle) * scale_);
  }
}

}  // namespace atelier::model
