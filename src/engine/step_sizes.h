// How many tokens the engine's steps had, counted by size.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace atelier::engine {

struct StepSizes {
  static constexpr std::array<std::int64_t, 13> kBounds = {1,   8,    16,   32,   64,   128,  256,
                                                           512, 1024, 2048, 4096, 8192, 16384};
  std::array<std::int64_t, kBounds.size() + 1> counts{};  // of (bound before, bound]; the last one: above all
  std::int64_t tokens = 0;

  void add(std::int64_t step_tokens) {
    ++counts[static_cast<std::size_t>(std::ranges::lower_bound(kBounds, step_tokens) - kBounds.begin())];
    tokens += step_tokens;
  }
};

}  // namespace atelier::engine
