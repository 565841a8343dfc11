// How far each pair of dims turns per position, and the cosines and sines of given positions. Rounded to f32
// where transformers rounds (inv_freq, and its product with the position), so that long contexts agree with
// it.
#pragma once

#include <span>
#include <vector>

#include "model/config.h"

namespace atelier::model {

class RopeTable {
 public:
  // `factors`: GGUF's rope_freqs.weight, dividing the frequencies; empty where absent.
  RopeTable(const RopeConfig& rope, std::int64_t head_dim, std::span<const float> factors);

  // cos, sin: [head_dim / 2] of `position`.
  void at(std::int64_t position, float* cos, float* sin) const;

  std::span<const float> inverse_frequencies() const { return inverse_; }

 private:
  std::vector<float> inverse_;  // [head_dim / 2] radians per position
  double scale_;                // YaRN's attention factor
};

}  // namespace atelier::model
