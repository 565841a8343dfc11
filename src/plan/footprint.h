// What running a model takes beside its keys and values: the same numbers before loading and at it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "formats/tensor_source.h"
#include "model/config.h"
#include "model/weights.h"

namespace atelier::plan {

struct Footprint {
  model::Weights shapes;           // every matrix without its memory
  std::int64_t weights_bytes = 0;  // packed
  std::int64_t working_bytes = 0;  // rows on their way through the layers, logits, vocabulary, program

  std::int64_t bytes() const { return weights_bytes + working_bytes; }
};

struct Company {
  std::int64_t sequences = 1;       // running at once
  std::int64_t batch_tokens = 512;  // prompt tokens of a step
};

// From the headers alone: no weight is read.
Result<Footprint> footprint(const formats::TensorSource& source, const model::ModelConfig& config,
                            Company company);

}  // namespace atelier::plan
