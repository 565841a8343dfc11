#include "schedule/prompt_room.h"

#include <algorithm>
#include <numeric>

namespace atelier::schedule {
namespace {

// What is left of a room while it is given away.
class Rest {
 public:
  Rest(const PromptRoom& room, std::span<const PromptNeed> needs)
      : room_(room),
        needs_(needs),
        work_(room.work),
        tokens_(room.most),
        least_(room.least),
        parts_(needs.size(), 0) {}

  // Up to `share` of the whole work, but at least what is left of the least.
  void give(std::size_t i, double share) {
    const PromptNeed& need = needs_[i];
    const double each = room_.work_of_token(need.depth + parts_[i]);
    std::int64_t tokens =
        std::max(static_cast<std::int64_t>(std::min(work_, share * room_.work) / each), least_);
    tokens = std::min({tokens, tokens_, need.missing - parts_[i]});
    if (room_.longest > 0) tokens = std::min(tokens, room_.longest - parts_[i]);
    parts_[i] += tokens;
    tokens_ -= tokens;
    least_ = std::max<std::int64_t>(0, least_ - tokens);
    work_ = std::max(0.0, work_ - static_cast<double>(tokens) * each);
  }

  std::vector<std::int64_t> parts() && { return std::move(parts_); }

 private:
  const PromptRoom& room_;
  std::span<const PromptNeed> needs_;
  double work_;
  std::int64_t tokens_;
  std::int64_t least_;
  std::vector<std::int64_t> parts_;
};

}  // namespace

std::vector<std::int64_t> share(const PromptRoom& room, std::span<const PromptNeed> in_line) {
  Rest rest(room, in_line);
  if (in_line.empty()) return {};
  rest.give(0, 0.5);
  std::vector<std::size_t> others(in_line.size() - 1);
  std::iota(others.begin(), others.end(), std::size_t{1});
  std::ranges::stable_sort(others, {}, [&](std::size_t i) { return in_line[i].missing; });
  for (const std::size_t i : others) rest.give(i, 1.0);
  rest.give(0, 1.0);
  return std::move(rest).parts();
}

}  // namespace atelier::schedule
