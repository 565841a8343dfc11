// When the requests of an open-loop run are sent: vLLM's model of traffic.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace atelier::load {

struct Traffic {
  double requests_per_s = 0;  // 0: all at once
  // 1: a Poisson process; less: burstier; more: more regular (gaps follow a gamma distribution).
  double burstiness = 1;
};

// Seconds after the begin, ascending, the first at its own gap; the last one is at count / requests_per_s
// exactly, so that runs of different seeds send at the same mean rate.
std::vector<double> arrival_seconds(std::int64_t count, const Traffic& traffic, std::mt19937_64& random);

}  // namespace atelier::load
