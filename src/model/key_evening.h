// A KeyEvening makes the channels of one layer's keys alike in size before they are kept in int8, where 32
// share a scale: a Qwen2.5's key biases reach 145 in some channels and stay under 0.1 in others of the same
// head, and a scale for the large ones leaves nothing of the small. Keys are divided and queries multiplied
// by the same powers of two, one for both channels that rope turns together: that rounds nothing, so scores
// stay what they were to the bit. Immutable.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"
#include "model/weights.h"

namespace atelier::model {

class KeyEvening {
 public:
  KeyEvening() = default;  // changes nothing

  // From how large biases and weights let each channel become; changes nothing where there are no biases.
  KeyEvening(const ModelConfig& config, const LayerWeights& layer);

  // One KV head's key, [head_dim], and the queries that meet it, [group][head_dim]: both turned by rope, or
  // both not yet.
  void apply(std::int64_t kv_head, float* key, float* queries, std::int64_t group) const;

 private:
  std::int64_t head_dim_ = 0;
  std::vector<float> of_keys_, of_queries_;  // [kv_heads][head_dim]; empty: all 1
};

}  // namespace atelier::model
