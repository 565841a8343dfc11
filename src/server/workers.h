// Workers do what would keep a connection's thread too long: parsing, rendering and tokenising a request.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace atelier::server {

class Workers {
 public:
  Workers(int threads, std::size_t max_waiting);
  ~Workers();  // finishes the task at hand, drops what waits
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // false: too much waits already. Any thread.
  bool post(std::function<void()> task);

 private:
  void work();

  const std::size_t max_waiting_;
  std::mutex mutex_;  // guards waiting_, closing_
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace atelier::server
