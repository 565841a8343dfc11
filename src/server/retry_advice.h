// What a client that is refused for want of room is told: the seconds until a place is likely.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>

namespace atelier::server {

// Any thread.
class RetryAdvice {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kLeast_s = 1, kMost_s = 60;
  static constexpr int kUnknown_s = 5;  // nothing has ended lately

  // How many generations have ended since the start, seen at `now`; often enough is with every request.
  void note(std::int64_t finished, Time now);

  // Until half of the `waiting` have had their turn, at the rate of the last half minute.
  int seconds(std::int64_t waiting, std::int64_t finished, Time now) const;

 private:
  struct Sample {
    Time time;
    std::int64_t finished;
  };
  mutable std::mutex mutex_;
  std::deque<Sample> samples_;  // guarded by mutex_; a second apart or more, of the last half minute
};

}  // namespace atelier::server
