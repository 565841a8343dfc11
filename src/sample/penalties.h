// Penalties remember what a sequence has seen and push it down (or up): only the tokens seen are touched, not
// the vocabulary. The arithmetic and its order are vLLM's: repetition over prompt and output, then frequency
// and presence over the output alone.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "sample/sampling_options.h"

namespace atelier::sample {

// Engine thread only.
class Penalties {
 public:
  Penalties(const SamplingOptions& options, std::span<const std::int32_t> prompt);

  bool active() const { return repetition_ != 1.0f || presence_ != 0.0f || frequency_ != 0.0f; }
  void saw(std::int32_t id);                  // one more token of output
  void apply(std::span<float> logits) const;  // ids seen must be below logits.size()

 private:
  struct Seen {
    std::int32_t id;
    std::int32_t in_output;
  };
  Seen& entry(std::int32_t id);

  float repetition_, presence_, frequency_;
  std::vector<Seen> seen_;                               // in order of first appearance
  std::unordered_map<std::int32_t, std::size_t> index_;  // id -> its place in seen_
};

}  // namespace atelier::sample
