#include "observe/body_sizes.h"

#include <utility>

namespace atelier::observe {
namespace {

prometheus::ClientMetric sample(const std::string& route, std::uint64_t count, double sum) {
  prometheus::ClientMetric metric;
  metric.label = {{"handler", route}};
  metric.summary.sample_count = count;
  metric.summary.sample_sum = sum;
  return metric;
}

}  // namespace

void BodySizes::add(std::string_view route, std::size_t request_bytes, std::size_t response_bytes) {
  const std::lock_guard lock(mutex_);
  auto found = by_route_.find(route);
  if (found == by_route_.end()) found = by_route_.emplace(route, Sums{}).first;
  Sums& sums = found->second;
  ++sums.count;
  sums.request_bytes += static_cast<double>(request_bytes);
  sums.response_bytes += static_cast<double>(response_bytes);
}

void BodySizes::add_to(Collected& out) const {
  constexpr auto kSummary = prometheus::MetricType::Summary;
  prometheus::MetricFamily in{"http_request_size_bytes", "Bodies that came in.", kSummary, {}};
  prometheus::MetricFamily gone{
      "http_response_size_bytes", "Whole bodies that went out; a stream counts 0.", kSummary, {}};
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [route, sums] : by_route_) {
      in.metric.push_back(sample(route, sums.count, sums.request_bytes));
      gone.metric.push_back(sample(route, sums.count, sums.response_bytes));
    }
  }
  out.push_back(std::move(in));
  out.push_back(std::move(gone));
}

}  // namespace atelier::observe
