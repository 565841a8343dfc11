// A ThreadPool runs one job at a time on all its threads at once: the fork and join of every kernel. Workers
// are pinned one to a core, spin for a moment between jobs (a small model's step has hundreds) and then park.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace atelier {

class ThreadPool {
 public:
  // `threads` >= 1 counts the calling thread, which works along as number 0.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return threads_; }

  // Calls job(thread) once on every thread, 0 <= thread < size(), and returns when all are done.
  // One caller at a time (the engine thread).
  template <class Job>
  void run(Job&& job) {
    run_erased(
        [](void* context, int thread) { (*static_cast<std::remove_reference_t<Job>*>(context))(thread); },
        const_cast<void*>(static_cast<const void*>(&job)));
  }

  // Splits [0, count) into near-equal runs, one per thread: job(thread, begin, end).
  template <class Job>
  void split(std::int64_t count, Job&& job) {
    run([&](int thread) {
      const std::int64_t begin = count * thread / threads_, end = count * (thread + 1) / threads_;
      if (begin < end) job(thread, begin, end);
    });
  }

 private:
  using Entry = void (*)(void* context, int thread);
  void run_erased(Entry entry, void* context);

  struct Shared;
  int threads_;
  std::unique_ptr<Shared> shared_;
  std::vector<std::jthread> workers_;
};

// Cores this process may run on.
int available_cores();

}  // namespace atelier
