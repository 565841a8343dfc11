#include "plan/step_cost.h"

#include "kernels/packed_matrix.h"

namespace atelier::plan {
namespace {

double file_bytes(const kernels::PackedMatrix& w) {
  return static_cast<double>(row_bytes(w.source, w.k).value_or(0)) * static_cast<double>(w.n);
}

double operations(const kernels::PackedMatrix& w) {
  return 2.0 * static_cast<double>(w.n) * static_cast<double>(w.k);
}

}  // namespace

double StepCost::decode_bytes(double sequences, double keys) const {
  return weight_bytes + sequences * keys * kv_bytes_per_token;
}

double StepCost::prefill_operations(double depth, double tokens) const {
  const double keys = tokens * (depth + (tokens + 1) / 2);  // of all tokens; causal: a token sees itself too
  return tokens * matrix_operations_per_token + keys * attention_operations_per_key + head_operations;
}

StepCost step_cost(const model::ModelConfig& config, const model::Weights& weights, DType kv_dtype) {
  StepCost cost;
  for (const model::LayerWeights& layer : weights.layers) {
    for (const kernels::PackedMatrix* w :
         {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) {
      cost.weight_bytes += file_bytes(*w);
      cost.matrix_operations_per_token += operations(*w);
    }
  }
  cost.weight_bytes += file_bytes(weights.output());
  cost.head_operations = operations(weights.output());
  const auto layers = static_cast<double>(config.layers), dim = static_cast<double>(config.head_dim);
  cost.kv_bytes_per_token = 2 * layers * static_cast<double>(config.kv_heads) * dim *
                            static_cast<double>(traits(kv_dtype).block_bytes) /
                            static_cast<double>(traits(kv_dtype).block_values);
  cost.attention_operations_per_key = 4 * layers * static_cast<double>(config.heads) * dim;
  return cost;
}

}  // namespace atelier::plan
