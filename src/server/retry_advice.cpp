#include "server/retry_advice.h"

#include <algorithm>
#include <cmath>

namespace atelier::server {
namespace {

constexpr std::chrono::seconds kApart{1}, kWindow{30};

}  // namespace

void RetryAdvice::note(std::int64_t finished, Time now) {
  const std::lock_guard lock(mutex_);
  if (!samples_.empty() && now - samples_.back().time < kApart) return;
  samples_.push_back({now, finished});
  // the one at the window's edge stays as long as it is the only one before it
  while (samples_.size() > 1 && now - samples_[1].time >= kWindow) samples_.pop_front();
}

int RetryAdvice::seconds(std::int64_t waiting, std::int64_t finished, Time now) const {
  const std::lock_guard lock(mutex_);
  const auto recent = std::ranges::find_if(
      samples_, [now](const Sample& sample) { return now - sample.time <= kWindow + kApart; });
  if (recent == samples_.end() || finished <= recent->finished) return kUnknown_s;
  const double passed_s = std::chrono::duration<double>(now - recent->time).count();
  const double needed = static_cast<double>(std::max<std::int64_t>(waiting, 1)) / 2;
  const double wait_s = needed * passed_s / static_cast<double>(finished - recent->finished);
  return static_cast<int>(std::ceil(std::clamp<double>(wait_s, kLeast_s, kMost_s)));
}

}  // namespace atelier::server
