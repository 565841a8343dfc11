// A RowPicker lets a step's samplers choose from their rows of logits side by side: a row is a whole
// vocabulary wide, and while one thread looked at all of them the others of the pool would wait. A sampler
// knows only its own sequence, so who picks which row, and when, changes nothing.
#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "sample/sampler.h"

namespace atelier::engine {

// What the step computed for one sequence: the row behind its last known token, and one behind each guess.
struct SequenceRows {
  sample::Sampler* sampler;
  std::span<const float> logits;          // [guesses + 1, row]
  std::span<const std::int32_t> guessed;  // of the choices, as far as they were guessed
};

// As far as the guesses are what is chosen anyway, and then one more: the first that was not guessed, or a
// failure.
using Choices = std::vector<Result<sample::Choice>>;

// Engine thread only; the pool must be free.
class RowPicker {
 public:
  explicit RowPicker(ThreadPool& pool) : pool_(pool), scratches_(static_cast<std::size_t>(pool.size())) {}

  // One entry for each of `rows`; no sampler stands in two of them.
  std::vector<Choices> pick(std::span<const SequenceRows> rows);

 private:
  ThreadPool& pool_;
  std::vector<sample::SamplerScratch> scratches_;  // by worker
};

}  // namespace atelier::engine
