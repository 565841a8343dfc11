// Speculation decides how far to guess. A guessed token costs its row in the step whether it holds or not, so
// for each sequence the length is taken that promises most tokens a second, by how often its guesses held and
// by what steps of so many rows have taken; where none promises more than guessing nothing, nothing is
// guessed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "engine/drafter.h"

namespace atelier::engine {

inline constexpr std::int64_t kMostDrafts = 16;  // tokens a step and sequence

struct SpeculationCounts {
  std::int64_t drafts = 0, draft_tokens = 0, accepted_tokens = 0;
  std::array<std::int64_t, kMostDrafts> accepted_at = {};  // by place in the draft
};

// Seconds that a step of so many rows takes: a straight line through what was measured, the latest most.
class StepTimes {
 public:
  void learn(double rows, double seconds);
  double at(double rows) const;  // 0 = nothing is known

 private:
  double weight_ = 0, rows_ = 0, seconds_ = 0, rows2_ = 0, product_ = 0;  // decaying sums
};

// Engine thread only.
class Speculation {
 public:
  // most: tokens of one draft, up to kMostDrafts.
  Speculation(std::unique_ptr<Drafter> drafter, std::int64_t most);

  // Fills in the drafts of all that generate, one row each already in the step. `most` says how many more
  // tokens each may have.
  void draft(std::span<Draft> drafts);

  void judge(schedule::SequenceId id, std::int64_t drafted, std::int64_t accepted);
  void learn(std::int64_t rows, double seconds);  // a step without prompts
  void forget(schedule::SequenceId id);
  const SpeculationCounts& counts() const { return counts_; }

 private:
  struct Habit {
    double held = 0.7;       // how often a guessed token held, of late
    std::int64_t quiet = 0;  // steps since the last guess
  };

  std::int64_t length(const Habit& habit, std::int64_t rows, std::int64_t most) const;

  std::unique_ptr<Drafter> drafter_;
  const std::int64_t most_;
  std::unordered_map<schedule::SequenceId, Habit> habits_;
  StepTimes times_;
  double drafting_s_ = 0;  // of one guessed token
  SpeculationCounts counts_;
};

}  // namespace atelier::engine
