// How the room that a step has for prompts is shared among them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace atelier::schedule {

struct PromptNeed {
  std::int64_t missing = 0;  // tokens still to enter
  std::int64_t depth = 0;    // tokens before them
};

struct PromptRoom {
  // In tokens at depth 0. A deeper one counts for more, as it attends to all before it.
  double work = 512;
  double depth_cost = 0;
  std::int64_t most = 512;   // tokens in all, whatever their work
  std::int64_t least = 1;    // tokens that enter in any case, those of the first prompt first
  std::int64_t longest = 0;  // tokens of one prompt; 0 = no limit

  double work_of_token(std::int64_t depth) const { return 1 + static_cast<double>(depth) * depth_cost; }
};

// Tokens of each prompt that enter this step. Half of the room is the first one's in line, so it never
// starves; the rest goes to the shortest first, so a short question does not wait behind a long document;
// what is left over is the first one's again.
std::vector<std::int64_t> share(const PromptRoom& room, std::span<const PromptNeed> in_line);

}  // namespace atelier::schedule
