// The arithmetic floor under a load run: the operations and the bytes that no server of this model can avoid,
// from the shape in its file's header alone, and on a known machine the seconds they take. A measurement
// below its floor is a wrong measurement.
#pragma once

#include <cstdint>

#include "plan/step_cost.h"

namespace atelier::plan {

struct Load {
  double requests = 0, input_tokens = 0, output_tokens = 0;  // tokens of each request
  double at_once = 1;
};

struct WorkFloor {
  double operations = 0;         // of all requests
  double bytes = 0;              // weights once per step, keys and values once per token
  double prompt_operations = 0;  // of one request
};
WorkFloor work_floor(const plan::StepCost& cost, const Load& load);

// What a machine can do at best.
struct MachinePeak {
  double operations_per_s = 0, bytes_per_s = 0;
};
// At least this long: computing and reading may overlap wholly.
double floor_seconds(const WorkFloor& floor, const MachinePeak& peak);

}  // namespace atelier::plan
