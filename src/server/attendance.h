// The Attendance knows who is in the server: requests from their arrival to their end, and the sessions among
// them that can be told to stop. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "server/session.h"

namespace atelier::server {

class Attendance {
 public:
  Presence enter();  // until it is let go; must not outlive this
  void launch(const std::shared_ptr<Session>& session);

  bool draining() const { return draining_; }
  // From now on draining(); returns when all have left, or tells the sessions to stop after `patience`.
  void drain(std::chrono::milliseconds patience);

 private:
  bool wait_until(std::chrono::steady_clock::time_point deadline) const;

  std::atomic<bool> draining_{false};
  std::atomic<std::int64_t> present_{0};
  std::mutex mutex_;  // guards sessions_
  std::vector<std::weak_ptr<Session>> sessions_;
};

}  // namespace atelier::server
