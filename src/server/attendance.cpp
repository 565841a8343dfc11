#include "server/attendance.h"

#include <thread>

#include "base/log.h"

namespace atelier::server {
namespace {

constexpr std::chrono::seconds kLastWords{2};  // for sessions that were told to stop

}  // namespace

Presence Attendance::enter() {
  ++present_;
  return Presence(nullptr, [this](void*) { --present_; });
}

void Attendance::launch(const std::shared_ptr<Session>& session) {
  {
    std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [](const auto& other) { return other.expired(); });
    sessions_.push_back(session);
  }
  session->start();
}

bool Attendance::wait_until(std::chrono::steady_clock::time_point deadline) const {
  while (present_ > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return present_ == 0;
}

void Attendance::drain(std::chrono::milliseconds patience) {
  draining_ = true;
  if (wait_until(std::chrono::steady_clock::now() + patience)) return;
  log_warning("{} requests are still running after {:.1f} s; they are ended", present_.load(),
              std::chrono::duration<double>(patience).count());
  std::vector<std::weak_ptr<Session>> sessions;
  {
    std::lock_guard lock(mutex_);
    sessions = sessions_;
  }
  for (const auto& weak : sessions) {
    if (const auto session = weak.lock()) session->interrupt();
  }
  wait_until(std::chrono::steady_clock::now() + kLastWords);
}

}  // namespace atelier::server
