#include "plan/work_floor.h"

#include <algorithm>
#include <cmath>

namespace atelier::plan {
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

}  // namespace atelier::plan
