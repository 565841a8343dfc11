#include "base/thread_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <string>

#include "base/check.h"

namespace atelier {
namespace {

// A step of a small model has hundreds of jobs a few microseconds apart, and sampling between steps: workers
// stay awake that long. Waking one from its futex costs 30-60 us.
constexpr auto kSpin = std::chrono::microseconds(100);

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// True as soon as ready() is; false after kSpin.
template <class Ready>
bool spin_until(Ready&& ready) {
  for (int i = 0; i < 64; ++i) {
    if (ready()) return true;
    pause_cpu();
  }
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 16; ++i) {
      if (ready()) return true;
      pause_cpu();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen) {
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr,
            0);
}

void futex_wake_all(std::atomic<std::uint32_t>& word) {
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE_PRIVATE, 1 << 30, nullptr, nullptr,
            0);
}

// The lowest-numbered hyperthread of the core `cpu` belongs to; `cpu` itself where the kernel does not say.
int first_sibling(int cpu) {
  std::ifstream in("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
  int first = cpu;
  in >> first;
  return first;
}

struct Processors {
  std::vector<int> order;  // of the affinity mask: one of each core first, then the hyperthreads beside them
  int cores = 1;           // distinct cores
};

Processors processors() {
  Processors out;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return out;
  std::vector<int> seen, siblings;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    const int core = first_sibling(cpu);
    const bool known = std::find(seen.begin(), seen.end(), core) != seen.end();
    (known ? siblings : out.order).push_back(cpu);
    if (!known) seen.push_back(core);
  }
  out.cores = std::max<int>(1, static_cast<int>(seen.size()));
  out.order.insert(out.order.end(), siblings.begin(), siblings.end());
  return out;
}

// Whole cores a container's quota pays for (cgroup v2 cpu.max: "quota period" in us); 0 = no quota.
int quota_cores() {
  std::ifstream in("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (!(in >> quota >> period) || quota <= 0 || period <= 0) return 0;
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

void pin_this_thread(int cpu) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(static_cast<std::size_t>(cpu), &mask);
  ::pthread_setaffinity_np(::pthread_self(), sizeof mask, &mask);  // refused: runs unpinned
}

}  // namespace

// The caller writes entry and context, then raises `epoch` (release); a worker that sees the new epoch
// (acquire) runs the job and answers with the same number in its own slot. `parked` and `epoch` are
// sequentially consistent so that a worker about to sleep and a caller about to skip the wake-up cannot miss
// each other.
struct ThreadPool::Shared {
  struct alignas(64) Slot {
    std::atomic<std::uint32_t> done{0};
  };

  explicit Shared(int threads) : slots(static_cast<std::size_t>(threads)) {}

  alignas(64) std::atomic<std::uint32_t> epoch{0};
  Entry entry = nullptr;  // nullptr: leave
  void* context = nullptr;
  alignas(64) std::atomic<std::uint32_t> parked{0};
  std::vector<Slot> slots;

  void start(Entry next_entry, void* next_context) {
    entry = next_entry;
    context = next_context;
    epoch.fetch_add(1);
    if (parked.load() != 0) futex_wake_all(epoch);
  }

  void await_next(std::uint32_t seen) {
    const auto moved = [&] { return epoch.load(std::memory_order_acquire) != seen; };
    if (spin_until(moved)) return;
    parked.fetch_add(1);
    while (epoch.load() == seen) futex_wait(epoch, seen);
    parked.fetch_sub(1);
  }

  void work(int thread) {
    Slot& slot = slots[static_cast<std::size_t>(thread)];
    for (std::uint32_t seen = 0;;) {
      await_next(seen);
      seen = epoch.load(std::memory_order_acquire);
      if (entry == nullptr) return;
      entry(context, thread);
      slot.done.store(seen, std::memory_order_release);
    }
  }

  // The workers are at it already, so this ends soon; where something else holds their core, give ours away.
  void join(std::uint32_t current) {
    for (std::size_t i = 1; i < slots.size(); ++i) {
      const auto done = [&] { return slots[i].done.load(std::memory_order_acquire) == current; };
      while (!spin_until(done)) ::sched_yield();
    }
  }
};

ThreadPool::ThreadPool(int threads) : threads_(threads) {
  ATELIER_CHECK(threads >= 1);
  shared_ = std::make_unique<Shared>(threads);
  const std::vector<int> order = processors().order;
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int thread = 1; thread < threads; ++thread) {
    // More threads than processors: leave the placing to the kernel.
    const int cpu =
        static_cast<std::size_t>(threads) <= order.size() ? order[static_cast<std::size_t>(thread)] : -1;
    workers_.emplace_back([this, thread, cpu] {
      if (cpu >= 0) pin_this_thread(cpu);
      shared_->work(thread);
    });
  }
}

ThreadPool::~ThreadPool() {
  shared_->start(nullptr, nullptr);
  workers_.clear();  // joins
}

void ThreadPool::run_erased(Entry entry, void* context) {
  if (threads_ > 1) shared_->start(entry, context);
  entry(context, 0);
  if (threads_ > 1) shared_->join(shared_->epoch.load(std::memory_order_relaxed));
}

int available_cores() {
  const int cores = processors().cores, quota = quota_cores();
  return quota > 0 ? std::min(cores, quota) : cores;
}

}  // namespace atelier
