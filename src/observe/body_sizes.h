// BodySizes are how large HTTP's bodies were, by route: Prometheus summaries without quantiles, a count and a
// sum each. The library's own summary keeps a minute of observations even where no quantile is asked for:
// memory that grows with the rate of requests.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "observe/collected.h"

namespace atelier::observe {

// Any thread; one short lock. Routes are the server's own, so there are few.
class BodySizes {
 public:
  void add(std::string_view route, std::size_t request_bytes, std::size_t response_bytes);
  void add_to(Collected& out) const;

 private:
  struct Sums {
    std::uint64_t count = 0;
    double request_bytes = 0, response_bytes = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::string, Sums, std::less<>> by_route_;  // guarded by mutex_
};

}  // namespace atelier::observe
