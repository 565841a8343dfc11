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
  // Of kernels, for the roofline: "Q4_0" of "1 row"; bytes are weights, activations and results, once each.
  std::string label, series;
  double operations = 0.0, bytes = 0.0, seconds = 0.0;
};

// The limits, with all threads of the pool at work.
struct Machine {
  struct Level {
    std::string name;  // "L1", "L2", "L3", "memory"
    std::int64_t bytes_per_thread = 0;
    double bytes_per_s = 0.0;
  };
  struct Unit {
    std::string name;  // "f32 avx512", "int8 amx", ...
    double operations_per_s = 0.0;
  };
  std::vector<Level> levels;  // the nearest first
  std::vector<Unit> units;

  // 0 where there is no such level or unit.
  double bytes_per_s(const std::string& level) const;
  double operations_per_s(const std::string& unit) const;
};

Machine measure_machine(ThreadPool& pool);
// Seconds to read all of `bytes` (a multiple of 512) once with all threads.
double read_seconds(ThreadPool& pool, const std::byte* from, std::int64_t bytes);
// The unit that forms products of this form on this table: "int8 amx"; "" for the scalar table.
std::string unit_of(const Ops& table, ActivationForm form);
// The unit's peak with all threads, operations per second; 0 where this machine has no such unit.
double unit_peak(ThreadPool& pool, const std::string& unit);
std::vector<Measurement> measurements(const Machine& machine);

// Every weight kind in its own arithmetic (Compute::kAuto) with 1, 8, 64 and 512 rows, each as a share of the
// roofline: the time that reading the weights or computing on the unit would take, whichever is longer.
// `done` sees each as it comes. The memory's side of the roofline is read again beside each case, over the
// same bytes.
std::vector<Measurement> measure_linear(const Ops& table, ThreadPool& pool, const Machine& machine,
                                        const std::function<void(const Measurement&)>& done = {});

}  // namespace atelier::kernels
