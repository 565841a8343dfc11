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

using Read = std::uint64_t (*)(const void*, std::int64_t);

std::uint64_t read_portable(const void* from, std::int64_t bytes) {
  const auto* at = static_cast<const std::uint64_t*>(from);
  std::uint64_t seen[4] = {};
  for (std::int64_t i = 0; i < bytes / 8; i += 4) {
    for (int j = 0; j < 4; ++j) seen[j] |= at[i + j];
  }
  return seen[0] | seen[1] | seen[2] | seen[3];
}

Read best_read() {
  if (cpu_features().avx512) return kPeaksAvx512.read;
  return cpu_features().avx2 ? kPeaksAvx2.read : read_portable;
}

// Keeps the optimiser from dropping the reads.
std::atomic<std::uint64_t> sink;

}  // namespace

double Machine::operations_per_s(const std::string& name) const {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.operations_per_s;
  }
  return 0.0;
}

double read_seconds(ThreadPool& pool, const std::byte* from, std::int64_t bytes) {
  const Read read = best_read();
  const auto start = Clock::now();
  pool.split(bytes / 512, [&](int, std::int64_t begin, std::int64_t end) {
    sink |= read(from + begin * 512, (end - begin) * 512);
  });
  return seconds_since(start);
}

Machine measure_machine(ThreadPool& pool) {
  constexpr std::int64_t kMemory = 256 << 20, kCache = 512 << 10, kCacheTimes = 200;
  Machine machine;
  const Read read = best_read();
  const AlignedBuffer buffer(static_cast<std::size_t>(std::max(kMemory, kCache * pool.size())));
  std::fill_n(buffer.data(), buffer.size(), std::byte{1});
  const std::int64_t part_bytes = kMemory / pool.size() / 512 * 512;
  machine.memory_bytes_per_s = rate(pool, [&](int part) {
    sink |= read(buffer.data() + part * part_bytes, part_bytes);
    return static_cast<double>(part_bytes);
  });
  machine.cache_bytes_per_s = rate(pool, [&](int part) {
    for (std::int64_t i = 0; i < kCacheTimes; ++i) sink |= read(buffer.data() + part * kCache, kCache);
    return static_cast<double>(kCache * kCacheTimes);
  });

  const auto add = [&](const char* name, Peaks::Unit unit) {
    machine.units.push_back({name, unit_rate(pool, unit)});
  };
  const CpuFeatures& cpu = cpu_features();
  if (cpu.avx2) {
    add("f32 avx2", kPeaksAvx2.f32);
    add("int8 avx2", kPeaksAvx2.int8);
  }
  if (cpu.avx_vnni) add("int8 avxvnni", kPeaksAvxVnni.int8);
  if (cpu.avx512) {
    add("f32 avx512", kPeaksAvx512.f32);
    add("int8 avx512", kPeaksAvx512.int8);
  }
  if (cpu.avx512_bf16) add("bf16 avx512", kPeaksAvx512Bf16.bf16);
  if (cpu.amx) {
    add("int8 amx", kPeaksAmx.int8);
    add("bf16 amx", kPeaksAmx.bf16);
    add("int8 amx, groups of 32", kPeaksAmx.int8_groups);
  }
  return machine;
}

std::vector<Measurement> measurements(const Machine& machine) {
  std::vector<Measurement> out = {{"read 512 KiB a thread", "GB/s", machine.cache_bytes_per_s / 1e9, 0.0, ""},
                                  {"read memory", "GB/s", machine.memory_bytes_per_s / 1e9, 0.0, ""}};
  for (const Machine::Unit& unit : machine.units) {
    const char* name = unit.name.starts_with("int8") ? "TOP/s" : "TFLOP/s";
    out.push_back({unit.name, name, unit.operations_per_s / 1e12, 0.0, ""});
  }
  return out;
}

}  // namespace atelier::kernels
