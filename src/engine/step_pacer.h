// The StepPacer says how much of prompts may enter a step. A prompt alone may fill it; beside sequences that
// generate, the step is to end within a target time, because each of them waits for its next token until
// then. The rate is learned from the steps themselves, so one target holds for every model and machine.
#pragma once

#include <cstdint>

#include "model/config.h"
#include "schedule/prompt_room.h"

namespace atelier::engine {

// What a token's attention to one token before it costs, in parts of what its way through the matrices costs:
// operations of either.
double depth_cost(const model::ModelConfig& config);

class StepPacer {
 public:
  // target_s: of a step beside those who generate. whole: the room without them.
  StepPacer(double target_s, const schedule::PromptRoom& whole);

  schedule::PromptRoom room(bool anyone_generates) const;
  double work_of_token(std::int64_t depth) const { return whole_.work_of_token(depth); }

  // A step took so long. prompt_work: as PromptRoom counts it; 0 = only generating.
  void learn(double prompt_work, double seconds);

 private:
  const double target_s_;
  const schedule::PromptRoom whole_;
  double generating_s_ = 0;      // of a step without prompts; 0 = not known
  double seconds_per_work_ = 0;  // 0 = not known
};

}  // namespace atelier::engine
