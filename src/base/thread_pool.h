// A ThreadPool runs one job at a time on all its threads at once: the fork and join of every kernel. Workers
// are pinned one to a core, spin for a moment between jobs (a small model's step has hundreds) and then park.
// A job is a number of items. Each thread has a run of them, which it claims one after the other, and then
// takes what the others have left: a thread stays with memory that lies together, and one whose core is busy
// elsewhere delays nobody.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace atelier {

// Where part `part` of `parts` begins in [0, count): the runs that ThreadPool::share and split give out.
constexpr std::int64_t part_begin(std::int64_t count, std::int64_t part, std::int64_t parts) {
  return count * part / parts;
}

class ThreadPool {
 public:
  // `threads` >= 1 counts the calling thread, which works along as number 0.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return threads_; }

  // Calls job(worker, item) once for every item, 0 <= item < count, and returns when all are done. `worker`,
  // 0 <= worker < size(), is the thread at work: two items with the same worker never run at once. Items of
  // a run are claimed in ascending order. One caller at a time (the engine thread).
  template <class Job>
  void share(std::int64_t count, Job&& job) {
    share_erased(
        [](void* context, int worker, std::int64_t item) {
          (*static_cast<std::remove_reference_t<Job>*>(context))(worker, item);
        },
        const_cast<void*>(static_cast<const void*>(&job)), count);
  }

  // Calls job(part) once for each part, 0 <= part < size(): one for each thread that is free.
  template <class Job>
  void run(Job&& job) {
    share(threads_, [&](int, std::int64_t part) { job(static_cast<int>(part)); });
  }

  // Splits [0, count) into near-equal runs, as many as threads: job(part, begin, end).
  template <class Job>
  void split(std::int64_t count, Job&& job) {
    run([&](int part) {
      const std::int64_t begin = part_begin(count, part, threads_),
                         end = part_begin(count, part + 1, threads_);
      if (begin < end) job(part, begin, end);
    });
  }

 private:
  using Entry = void (*)(void* context, int worker, std::int64_t item);
  void share_erased(Entry entry, void* context, std::int64_t count);

  struct Shared;
  int threads_;
  std::unique_ptr<Shared> shared_;
  std::vector<std::jthread> workers_;
};

// Cores this process may run on.
int available_cores();

}  // namespace atelier
