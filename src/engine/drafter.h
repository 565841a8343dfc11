// A Drafter guesses how sequences go on. The engine then computes the guessed tokens all in one step and
// keeps those it would have chosen itself: what comes out is, token for token, what came out without
// guessing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "schedule/sequence.h"

namespace atelier::engine {

struct Draft {
  schedule::SequenceId id;
  std::span<const std::int32_t> known;    // prompt and output
  std::int64_t most = 0;                  // tokens wanted; 0 = none, though the sequence goes on
  std::vector<std::int32_t> tokens = {};  // the guess, perhaps shorter or empty
};

// Engine thread only.
class Drafter {
 public:
  virtual ~Drafter() = default;
  virtual void draft(std::span<Draft> drafts) = 0;         // fills in `tokens`
  virtual void forget(schedule::SequenceId sequence) = 0;  // it has ended
};

}  // namespace atelier::engine
