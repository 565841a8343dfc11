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
  struct Room {
    std::size_t tasks = 1024, bytes = 256u << 20;  // that may wait
  };
  Workers(int threads, Room room);
  ~Workers();  // finishes the task at hand, drops what waits
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // false: too much waits already. `bytes`: what the task holds. Any thread.
  bool post(std::function<void()> task, std::size_t bytes = 0);

 private:
  void work();

  struct Task {
    std::function<void()> run;
    std::size_t bytes;
  };
  const Room room_;
  std::mutex mutex_;  // guards waiting_, waiting_bytes_, closing_
  std::condition_variable wake_;
  std::deque<Task> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace atelier::server
