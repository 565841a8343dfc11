// What this machine can do and what share of it each linear kernel reaches: the measurements behind
// `atelier bench kernels`. Everything is measured in one run, as shared machines drift from minute to minute.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/ops.h"

namespace atelier::kernels {

struct Measurement {
  std::string name;  // "read memory", "int8 amx", "linear Q4_0 1 row"
  std::string unit;  // "GB/s", "TFLOP/s", "TOP/s"
  double value = 0.0;
  double share = 0.0;  // of the limit below; 0 where the measurement is itself a limit
  std::string limit;   // "read memory", "int8 amx"
};

// The limits, with all threads of the pool at work.
struct Machine {
  double cache_bytes_per_s = 0.0;   // reading 512 KiB a thread again and again
  double memory_bytes_per_s = 0.0;  // reading 256 MiB
  struct Unit {
    std::string name;  // "f32 avx512", "int8 amx", ...
    double operations_per_s = 0.0;
  };
  std::vector<Unit> units;

  // 0 where there is no such unit.
  double operations_per_s(const std::string& name) const;
};

Machine measure_machine(ThreadPool& pool);
// Seconds to read all of `bytes` (a multiple of 512) once with all threads.
double read_seconds(ThreadPool& pool, const std::byte* from, std::int64_t bytes);
std::vector<Measurement> measurements(const Machine& machine);

// Every weight kind in its own arithmetic (Compute::kAuto) with 1, 8, 64 and 512 rows, each as a share of the
// roofline: the time that reading the weights or computing on the unit would take, whichever is longer.
// `done` sees each as it comes. The memory's side of the roofline is read again beside each case, over the
// same bytes.
std::vector<Measurement> measure_linear(const Ops& table, ThreadPool& pool, const Machine& machine,
                                        const std::function<void(const Measurement&)>& done = {});

}  // namespace atelier::kernels
