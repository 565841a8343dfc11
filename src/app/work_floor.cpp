#include "app/work_floor.h"

#include <algorithm>
#include <cmath>

namespace atelier::app {
namespace {

bool is_embedding(std::string_view name) {
  return name == "token_embd.weight" || name == "model.embed_tokens.weight";
}

}  // namespace

StepCost step_cost(const model::ModelConfig& config, const formats::TensorSource& source, DType kv_dtype) {
  StepCost cost;
  for (const formats::TensorEntry& tensor : source.tensors()) {
    // the embedding is read row by row, unless it is the head as well
    if (tensor.shape.size() != 2 || (is_embedding(tensor.name) && !config.tied)) continue;
    cost.weight_bytes += static_cast<double>(tensor.bytes.size());
  }
  const auto layers = static_cast<double>(config.layers), hidden = static_cast<double>(config.hidden),
             dim = static_cast<double>(config.head_dim), heads = static_cast<double>(config.heads),
             kv_heads = static_cast<double>(config.kv_heads), ffn = static_cast<double>(config.ffn);
  cost.matrix_operations_per_token =
      2 * layers * hidden * (2 * heads * dim + 2 * kv_heads * dim + 3 * ffn);  // q o, k v, gate up down
  cost.head_operations = 2 * hidden * static_cast<double>(config.vocab_rows);
  cost.kv_bytes_per_token = 2 * layers * kv_heads * dim * static_cast<double>(traits(kv_dtype).block_bytes);
  cost.attention_operations_per_key = 4 * layers * heads * dim;
  return cost;
}

WorkFloor work_floor(const StepCost& cost, const Load& load) {
  const double middle_keys = load.input_tokens + load.output_tokens / 2;
  // the first token of an answer comes with its prompt's pass
  const double decoded = std::max(0.0, load.output_tokens - 1);
  WorkFloor floor;
  floor.prompt_operations = cost.prefill_operations(0, load.input_tokens);
  floor.operations = load.requests * (floor.prompt_operations +
                                      decoded * (cost.matrix_operations_per_token + cost.head_operations +
                                                 middle_keys * cost.attention_operations_per_key));
  const double at_once = std::max(1.0, std::min(load.at_once, load.requests));
  const double steps = std::ceil(load.requests / at_once) * decoded + 1;
  floor.bytes = steps * cost.weight_bytes + load.requests * decoded * middle_keys * cost.kv_bytes_per_token;
  return floor;
}

double floor_seconds(const WorkFloor& floor, const MachinePeak& peak) {
  const double computing = peak.operations_per_s > 0 ? floor.operations / peak.operations_per_s : 0;
  const double reading = peak.bytes_per_s > 0 ? floor.bytes / peak.bytes_per_s : 0;
  return std::max(computing, reading);
}

}  // namespace atelier::app
