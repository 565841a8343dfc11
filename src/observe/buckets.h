// The boundaries of vLLM's histograms, so that dashboards and alerts made for it hold here.
#pragma once

#include <cstdint>
#include <vector>

namespace atelier::observe {

inline const std::vector<double> kFirstTokenSeconds = {0.001, 0.005, 0.01, 0.02, 0.04,  0.06,  0.08, 0.1,
                                                       0.25,  0.5,   0.75, 1.0,  2.5,   5.0,   7.5,  10.0,
                                                       20.0,  40.0,  80.0, 160., 640.0, 2560.0};
inline const std::vector<double> kTokenSeconds = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
                                                  0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
inline const std::vector<double> kRequestSeconds = {0.3,  0.5,  0.8,  1.0,  1.5,   2.0,   2.5,
                                                    5.0,  10.0, 15.0, 20.0, 30.0,  40.0,  50.0,
                                                    60.0, 120., 240., 480., 960.0, 1920., 7680.0};
inline const std::vector<double> kChoices = {1, 2, 5, 10, 20};
// Of the web framework below vLLM.
inline const std::vector<double> kHttpSeconds = {0.1, 0.5, 1};

// 1, 2, 5, 10, 20, ... as far as `most`.
inline std::vector<double> one_two_five(std::int64_t most) {
  std::vector<double> bounds;
  for (std::int64_t decade = 1; decade <= most; decade *= 10) {
    for (const std::int64_t step : {1, 2, 5}) {
      if (step * decade <= most) bounds.push_back(static_cast<double>(step * decade));
    }
  }
  return bounds;
}

}  // namespace atelier::observe
