#include "load/arrivals.h"

namespace atelier::load {

std::vector<double> arrival_seconds(std::int64_t count, const Traffic& traffic, std::mt19937_64& random) {
  std::vector<double> at(static_cast<std::size_t>(count), 0.0);
  if (traffic.requests_per_s <= 0 || at.empty()) return at;
  std::gamma_distribution<double> gap(traffic.burstiness, 1 / (traffic.requests_per_s * traffic.burstiness));
  double now = 0;
  for (double& arrival : at) arrival = now += gap(random);
  const double wanted = static_cast<double>(count) / traffic.requests_per_s;
  if (now <= 0) return at;  // gaps too small for a double
  for (double& arrival : at) arrival *= wanted / now;
  return at;
}

}  // namespace atelier::load
