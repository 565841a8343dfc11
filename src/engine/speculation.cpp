#include "engine/speculation.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace atelier::engine {
namespace {

constexpr double kDecay = 0.97;      // of what was measured, per step
constexpr double kLatest = 0.15;     // the weight of the latest guess in how often they hold
constexpr double kWorthIt = 1.03;    // less gain than that is noise
constexpr std::int64_t kRetry = 32;  // steps after which a sequence that guessed badly tries again
constexpr std::int64_t kTrial = 2;   // tokens of such a try

}  // namespace

void StepTimes::learn(double rows, double seconds) {
  for (double* sum : {&weight_, &rows_, &seconds_, &rows2_, &product_}) *sum *= kDecay;
  weight_ += 1;
  rows_ += rows;
  seconds_ += seconds;
  rows2_ += rows * rows;
  product_ += rows * seconds;
}

double StepTimes::at(double rows) const {
  if (weight_ == 0) return 0;
  const double mean_rows = rows_ / weight_, mean = seconds_ / weight_;
  const double spread = rows2_ / weight_ - mean_rows * mean_rows;
  if (spread < 0.05) return mean;  // all alike: nothing to draw a line through
  const double slope = std::max(0.0, (product_ / weight_ - mean_rows * mean) / spread);
  return std::max(mean + slope * (rows - mean_rows), 0.1 * mean);
}

Speculation::Speculation(std::unique_ptr<Drafter> drafter, std::int64_t most)
    : drafter_(std::move(drafter)), most_(std::clamp<std::int64_t>(most, 1, kMostDrafts)) {}

void Speculation::draft(std::span<Draft> drafts) {
  std::int64_t rows = std::ssize(drafts), wanted = 0;
  for (Draft& draft : drafts) {
    Habit& habit = habits_[draft.id];
    draft.most = length(habit, rows, std::min(draft.most, most_));
    rows += draft.most;
    wanted += draft.most;
    ++habit.quiet;
  }
  if (wanted == 0) return;
  const auto begin = std::chrono::steady_clock::now();
  drafter_->draft(drafts);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  drafting_s_ += 0.1 * (took.count() / static_cast<double>(wanted) - drafting_s_);
}

// With n tokens guessed of which each holds with probability p if all before it do, a step yields
// 1 + p + … + p^n tokens (Leviathan et al. 2023, equation 1).
std::int64_t Speculation::length(const Habit& habit, std::int64_t rows, std::int64_t most) const {
  const auto base = static_cast<double>(rows);
  double best = kWorthIt / std::max(times_.at(base), 1e-9), yield = 1, chance = 1;
  std::int64_t length = 0;
  for (std::int64_t n = 1; n <= most; ++n) {
    chance *= habit.held;
    yield += chance;
    const auto guessed = static_cast<double>(n);
    const double seconds = times_.at(base + guessed) + guessed * drafting_s_;
    if (const double rate = yield / std::max(seconds, 1e-9); rate > best) {
      best = rate;
      length = n;
    }
  }
  if (length == 0 && habit.quiet >= kRetry) return std::min(most, kTrial);
  return length;
}

void Speculation::judge(schedule::SequenceId id, std::int64_t drafted, std::int64_t accepted) {
  if (drafted == 0) return;
  ++counts_.drafts;
  counts_.draft_tokens += drafted;
  counts_.accepted_tokens += accepted;
  Habit& habit = habits_[id];
  habit.quiet = 0;
  for (std::int64_t i = 0; i < accepted; ++i) {
    ++counts_.accepted_at[static_cast<std::size_t>(i)];
    habit.held += kLatest * (1 - habit.held);
  }
  if (accepted < drafted) habit.held -= kLatest * habit.held;
}

void Speculation::learn(std::int64_t rows, double seconds) {
  times_.learn(static_cast<double>(rows), seconds);
}

void Speculation::forget(schedule::SequenceId id) {
  habits_.erase(id);
  drafter_->forget(id);
}

}  // namespace atelier::engine
