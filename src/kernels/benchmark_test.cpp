#include "kernels/benchmark.h"

#include <gtest/gtest.h>

#include "kernels/backend.h"

namespace atelier::kernels {
namespace {

TEST(Benchmark, LimitsArePositiveAndNamed) {
  ThreadPool pool(1);
  const Machine machine = measure_machine(pool);
  EXPECT_GT(machine.memory_bytes_per_s, 1e8);
  EXPECT_GT(machine.cache_bytes_per_s, 1e8);
  for (const Machine::Unit& unit : machine.units) EXPECT_GT(unit.operations_per_s, 1e9) << unit.name;
  const std::vector<Measurement> shown = measurements(machine);
  EXPECT_EQ(shown.size(), machine.units.size() + 2);
  EXPECT_EQ(machine.operations_per_s("no such unit"), 0.0);
}

}  // namespace
}  // namespace atelier::kernels
