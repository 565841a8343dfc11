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

// One job at a time. The caller writes the job's fields, then publishes a ticket (job number and items left)
// for each worker's run of items. Whoever takes an item lowers its ticket by one; as the job cannot end
// before that item is done, its fields then hold still. `parked` and `epoch` are sequentially consistent so
// that a worker about to sleep and a caller about to skip the wake-up cannot miss each other.
struct ThreadPool::Shared {
  explicit Shared(int threads) : tickets(static_cast<std::size_t>(threads)) {}

  struct alignas(64) Ticket {
    std::atomic<std::uint64_t> word{0};  // job number << 32 | items left
  };

  Entry entry = nullptr;
  void* context = nullptr;
  std::int64_t count = 0;
  std::uint64_t number = 0;  // of the job

  std::vector<Ticket> tickets;  // by worker
  alignas(64) std::atomic<std::int64_t> finished{0};
  alignas(64) std::atomic<std::uint32_t> epoch{0};  // moves with each job, and once more to stop
  alignas(64) std::atomic<std::uint32_t> parked{0};
  std::atomic<bool> stopping{false};

  static constexpr std::uint64_t kLeft = 0xffffffffu;

  // Where the items of run `run` end.
  std::int64_t end_of(std::size_t run) const {
    return part_begin(count, static_cast<std::int64_t>(run) + 1, std::ssize(tickets));
  }

  void publish(Entry next_entry, void* next_context, std::int64_t items) {
    entry = next_entry;
    context = next_context;
    count = items;
    finished.store(0, std::memory_order_relaxed);
    ++number;
    for (std::size_t run = 0; run < tickets.size(); ++run) {
      const std::int64_t begin = run == 0 ? 0 : end_of(run - 1);
      tickets[run].word.store(number << 32 | static_cast<std::uint64_t>(end_of(run) - begin),
                              std::memory_order_release);
    }
    wake();
  }

  void wake() {
    epoch.fetch_add(1);
    if (parked.load() != 0) futex_wake_all(epoch);
  }

  // Takes items, those of its own run first, until none are left; reports them together, so the job cannot
  // end while we look for more.
  void work(int worker) {
    std::int64_t done = 0;
    for (std::size_t i = 0; i < tickets.size(); ++i)
      done += take_run((static_cast<std::size_t>(worker) + i) % tickets.size(), worker);
    if (done != 0) finished.fetch_add(done, std::memory_order_release);
  }

  std::int64_t take_run(std::size_t run, int worker) {
    std::int64_t done = 0;
    std::atomic<std::uint64_t>& ticket = tickets[run].word;
    std::uint64_t seen = ticket.load(std::memory_order_acquire);
    while ((seen & kLeft) != 0) {
      if (!ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire))
        continue;
      entry(context, worker, end_of(run) - static_cast<std::int64_t>(seen & kLeft));
      ++done;
      seen = ticket.load(std::memory_order_acquire);
    }
    return done;
  }

  void await_next(std::uint32_t seen) {
    const auto moved = [&] { return epoch.load(std::memory_order_acquire) != seen; };
    if (spin_until(moved)) return;
    parked.fetch_add(1);
    while (epoch.load() == seen) futex_wait(epoch, seen);
    parked.fetch_sub(1);
  }

  void serve(int worker) {
    for (std::uint32_t seen = 0;;) {
      await_next(seen);
      seen = epoch.load(std::memory_order_acquire);
      if (stopping.load()) return;
      work(worker);
    }
  }

  // Every item is taken and being worked at, so this ends soon; where something else holds a worker's core,
  // give ours away.
  void join(std::int64_t items) {
    while (!spin_until([&] { return finished.load(std::memory_order_acquire) == items; })) ::sched_yield();
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
      ::pthread_setname_np(::pthread_self(), "pool");
      if (cpu >= 0) pin_this_thread(cpu);
      shared_->serve(thread);
    });
  }
}

ThreadPool::~ThreadPool() {
  shared_->stopping.store(true);
  shared_->wake();
  workers_.clear();  // joins
}

void ThreadPool::share_erased(Entry entry, void* context, std::int64_t count) {
  ATELIER_CHECK(count >= 0 && count < std::int64_t{1} << 32);
  if (threads_ == 1 || count <= 1) {
    for (std::int64_t item = 0; item < count; ++item) entry(context, 0, item);
    return;
  }
  shared_->publish(entry, context, count);
  shared_->work(0);
  shared_->join(count);
}

int available_cores() {
  const int cores = processors().cores, quota = quota_cores();
  return quota > 0 ? std::min(cores, quota) : cores;
}

}  // namespace atelier
