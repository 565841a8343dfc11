#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/cpu_features.h"
#include "kernels/benchmark.h"
#include "kernels/cpu/peaks.h"
#include "tensor/aligned_buffer.h"

namespace atelier::kernels {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Work per second of `job(part)`, which returns what it did; the median of five runs of all threads.
template <class Job>
double rate(ThreadPool& pool, const Job& job) {
  constexpr int kRuns = 5;
  std::vector<double> rates;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> work(static_cast<std::size_t>(pool.size()));
    const auto start = Clock::now();
    pool.run([&](int part) { work[static_cast<std::size_t>(part)] = job(part); });
    const double seconds = seconds_since(start);
    double total = 0.0;
    for (const double w : work) total += w;
    rates.push_back(total / seconds);
  }
  return median(rates);
}

// As many rounds as take about 20 ms on one thread.
double unit_rate(ThreadPool& pool, Peaks::Unit unit) {
  std::int64_t rounds = 1000;
  for (;; rounds *= 4) {
    const auto start = Clock::now();
    unit(rounds);
    if (seconds_since(start) > 0.01) break;
  }
  return rate(pool, [&](int) { return unit(2 * rounds); });
}

std::uint64_t read_portable(const void* from, std::int64_t bytes) {
  const auto* at = static_cast<const std::uint64_t*>(from);
  std::uint64_t seen[4] = {};
  for (std::int64_t i = 0; i < bytes / 8; i += 4) {
    for (int j = 0; j < 4; ++j) seen[j] |= at[i + j];
  }
  return seen[0] | seen[1] | seen[2] | seen[3];
}

// Ways to read, of which one or another is the fastest, depending on the level and the processor.
std::vector<Peaks::Read> readers() {
  if (!cpu_features().avx2) return {read_portable};
  const Peaks& peaks = cpu_features().avx512 ? kPeaksAvx512 : kPeaksAvx2;
  return {peaks.read, peaks.read_into_l1, peaks.read_into_l2};
}

// Keeps the optimiser from dropping the reads.
std::atomic<std::uint64_t> sink;

// Two thirds of a cache, so that what else lives there does not push the buffer out. Virtual machines name
// an L3 that is the whole host's, so a thread reads no more of it than 16 MiB; where that much is in L2
// already, there is no L3 to measure. The memory's buffer is 256 MiB for all threads together.
std::vector<Machine::Level> levels_to_measure(int threads) {
  constexpr std::int64_t kMost = 16 << 20, kMemory = 256 << 20, kStep = 512;
  const auto cache = [](int name, std::int64_t otherwise) {
    const std::int64_t bytes = ::sysconf(name);
    return (bytes > 0 ? bytes : otherwise) * 2 / 3 / kStep * kStep;
  };
  const std::int64_t l1 = cache(_SC_LEVEL1_DCACHE_SIZE, 32 << 10), l2 = cache(_SC_LEVEL2_CACHE_SIZE, 1 << 20);
  const std::int64_t l3 = std::min(kMost, cache(_SC_LEVEL3_CACHE_SIZE, 0) / threads / kStep * kStep);
  std::vector<Machine::Level> levels = {{.name = "L1", .bytes_per_thread = l1},
                                        {.name = "L2", .bytes_per_thread = l2}};
  if (l3 > 2 * l2) levels.push_back({.name = "L3", .bytes_per_thread = l3});
  levels.push_back({.name = "memory", .bytes_per_thread = std::max(kMemory / threads / kStep * kStep, l2)});
  return levels;
}

// Bytes per second; each thread reads its own part of `from` again and again, 64 MiB at least. The fastest of
// the readers counts.
double level_rate(ThreadPool& pool, const Machine::Level& level, const std::byte* from) {
  const std::int64_t bytes = level.bytes_per_thread;
  const std::int64_t times = std::max<std::int64_t>(1, (std::int64_t{64} << 20) / bytes);
  double best = 0.0;
  for (const Peaks::Read read : readers()) {
    best = std::max(best, rate(pool, [&](int part) {
                      for (std::int64_t i = 0; i < times; ++i) sink |= read(from + part * bytes, bytes);
                      return static_cast<double>(bytes * times);
                    }));
  }
  return best;
}

double seconds_to_read(ThreadPool& pool, Peaks::Read read, const std::byte* from, std::int64_t bytes) {
  const auto start = Clock::now();
  pool.split(bytes / 512, [&](int, std::int64_t begin, std::int64_t end) {
    sink |= read(from + begin * 512, (end - begin) * 512);
  });
  return seconds_since(start);
}

// The fastest from memory, of turns taken when it is first asked for.
Peaks::Read memory_reader(ThreadPool& pool) {
  static const Peaks::Read chosen = [&] {
    constexpr std::int64_t kBytes = 128 << 20;
    constexpr int kTurns = 5;
    const AlignedBuffer buffer(kBytes);
    std::fill_n(buffer.data(), kBytes, std::byte{1});
    const std::vector<Peaks::Read> all = readers();
    std::vector<std::vector<double>> seconds(all.size());
    for (int turn = 0; turn < kTurns; ++turn) {
      for (std::size_t i = 0; i < all.size(); ++i)
        seconds[i].push_back(seconds_to_read(pool, all[i], buffer.data(), kBytes));
    }
    std::size_t best = 0;
    for (std::size_t i = 1; i < all.size(); ++i) {
      if (median(seconds[i]) < median(seconds[best])) best = i;
    }
    return all[best];
  }();
  return chosen;
}

struct NamedUnit {
  const char* name;
  Peaks::Unit run;
};

std::vector<NamedUnit> units_here() {
  const CpuFeatures& cpu = cpu_features();
  std::vector<NamedUnit> units;
  if (cpu.avx2) {
    units.push_back({"f32 avx2", kPeaksAvx2.f32});
    units.push_back({"int8 avx2", kPeaksAvx2.int8});
  }
  if (cpu.avx_vnni) units.push_back({"int8 avxvnni", kPeaksAvxVnni.int8});
  if (cpu.avx512) {
    units.push_back({"f32 avx512", kPeaksAvx512.f32});
    units.push_back({"int8 avx512", kPeaksAvx512.int8});
  }
  if (cpu.avx512_bf16) units.push_back({"bf16 avx512", kPeaksAvx512Bf16.bf16});
  if (cpu.amx) {
    units.push_back({"int8 amx", kPeaksAmx.int8});
    units.push_back({"bf16 amx", kPeaksAmx.bf16});
    units.push_back({"int8 amx, groups of 32", kPeaksAmx.int8_groups});
  }
  return units;
}

}  // namespace

double Machine::bytes_per_s(const std::string& level) const {
  for (const Level& each : levels) {
    if (each.name == level) return each.bytes_per_s;
  }
  return 0.0;
}

double Machine::operations_per_s(const std::string& unit) const {
  for (const Unit& each : units) {
    if (each.name == unit) return each.operations_per_s;
  }
  return 0.0;
}

double read_seconds(ThreadPool& pool, const std::byte* from, std::int64_t bytes) {
  return seconds_to_read(pool, memory_reader(pool), from, bytes);
}

Machine measure_machine(ThreadPool& pool) {
  Machine machine;
  std::vector<Machine::Level> levels = levels_to_measure(pool.size());
  const AlignedBuffer buffer(static_cast<std::size_t>(levels.back().bytes_per_thread * pool.size()));
  std::fill_n(buffer.data(), buffer.size(), std::byte{1});
  for (Machine::Level& level : levels) level.bytes_per_s = level_rate(pool, level, buffer.data());
  machine.levels = std::move(levels);
  for (const NamedUnit& unit : units_here()) machine.units.push_back({unit.name, unit_rate(pool, unit.run)});
  return machine;
}

double unit_peak(ThreadPool& pool, const std::string& unit) {
  for (const NamedUnit& each : units_here()) {
    if (each.name == unit) return unit_rate(pool, each.run);
  }
  return 0.0;
}

std::vector<Measurement> measurements(const Machine& machine) {
  std::vector<Measurement> out;
  for (const Machine::Level& level : machine.levels) {
    Measurement shown;
    shown.name = "read " + level.name;
    shown.unit = "GB/s";
    shown.value = level.bytes_per_s / 1e9;
    out.push_back(std::move(shown));
  }
  for (const Machine::Unit& unit : machine.units) {
    Measurement shown;
    shown.name = unit.name;
    shown.unit = unit.name.starts_with("int8") ? "TOP/s" : "TFLOP/s";
    shown.value = unit.operations_per_s / 1e12;
    out.push_back(std::move(shown));
  }
  return out;
}

}  // namespace atelier::kernels
