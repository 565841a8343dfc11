// What the arithmetic of a model asks of a machine, whatever the kernels make of it: the bytes a decode step
// cannot avoid reading and the operations a prompt cannot avoid doing. Speeds are shares of these.
#pragma once

#include "base/result.h"
#include "model/config.h"
#include "model/weights.h"
#include "tensor/dtype.h"

namespace atelier::plan {

struct StepCost {
  double weight_bytes = 0;                  // every matrix once, at its file's own width
  double kv_bytes_per_token = 0;            // keys and values of all layers
  double matrix_operations_per_token = 0;   // layers only; a multiply and an add are two
  double head_operations = 0;               // of one row of logits
  double attention_operations_per_key = 0;  // of one query token, all layers and heads

  // Of one step that decodes `sequences` tokens, each with `keys` tokens in its cache.
  double decode_bytes(double sequences, double keys) const;
  // Of the tokens [depth, depth + tokens) of one prompt, and its one row of logits.
  double prefill_operations(double depth, double tokens) const;
};

StepCost step_cost(const model::ModelConfig& config, const model::Weights& weights, DType kv_dtype);

}  // namespace atelier::plan
