#include "server/workers.h"

#include <pthread.h>

#include <exception>
#include <utility>

#include "base/log.h"

namespace atelier::server {

Workers::Workers(int threads, Room room) : room_(room) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

Workers::~Workers() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Workers::post(std::function<void()> task, std::size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    if (closing_ || waiting_.size() >= room_.tasks) return false;
    if (!waiting_.empty() && waiting_bytes_ + bytes > room_.bytes) return false;
    waiting_.push_back({std::move(task), bytes});
    waiting_bytes_ += bytes;
  }
  wake_.notify_one();
  return true;
}

void Workers::work() {
  pthread_setname_np(pthread_self(), "worker");
  while (true) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
      if (closing_) return;
      task = std::move(waiting_.front().run);
      waiting_bytes_ -= waiting_.front().bytes;
      waiting_.pop_front();
    }
    try {
      task();
    } catch (const std::exception& problem) {
      log_error("a request failed: {}", problem.what());  // its writer, let go, answers 500
    }
  }
}

}  // namespace atelier::server
