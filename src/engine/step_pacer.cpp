#include "engine/step_pacer.h"

#include <algorithm>

namespace atelier::engine {
namespace {

constexpr double kNewest = 0.25;  // the weight of the latest step in what is known

double blend(double known, double latest) {
  return known == 0 ? latest : known + kNewest * (latest - known);
}

}  // namespace

double depth_cost(const model::ModelConfig& config) {
  const auto hidden = static_cast<double>(config.hidden), ffn = static_cast<double>(config.ffn);
  const auto heads = static_cast<double>(config.heads), kv_heads = static_cast<double>(config.kv_heads);
  const auto dim = static_cast<double>(config.head_dim);
  const double weights = 2 * hidden * dim * (heads + kv_heads) + 3 * hidden * ffn;  // of one layer
  return 4 * heads * dim / (2 * weights);
}

StepPacer::StepPacer(double target_s, const schedule::PromptRoom& whole)
    : target_s_(target_s), whole_(whole) {}

schedule::PromptRoom StepPacer::room(bool anyone_generates) const {
  schedule::PromptRoom room = whole_;
  if (!anyone_generates) return room;
  const double left_s = std::max(0.0, target_s_ - generating_s_);
  const double fits =
      seconds_per_work_ > 0 ? left_s / seconds_per_work_ : 0;  // unknown: the least teaches it
  room.work = std::min(room.work, fits);
  return room;
}

void StepPacer::learn(double prompt_work, double seconds) {
  if (prompt_work == 0) {
    generating_s_ = blend(generating_s_, seconds);
  } else if (prompt_work >= static_cast<double>(whole_.least)) {  // fewer say more of the rest than of them
    seconds_per_work_ =
        blend(seconds_per_work_, std::max(seconds - generating_s_, 0.1 * seconds) / prompt_work);
  }
}

}  // namespace atelier::engine
