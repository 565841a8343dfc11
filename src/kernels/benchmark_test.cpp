#include "kernels/benchmark.h"

#include <gtest/gtest.h>

#include "kernels/backend.h"

namespace atelier::kernels {
namespace {

TEST(Benchmark, LimitsArePositiveAndNamed) {
  ThreadPool pool(1);
  const Machine machine = measure_machine(pool);
  ASSERT_GE(machine.levels.size(), 3u);
  EXPECT_EQ(machine.levels.front().name, "L1");
  EXPECT_EQ(machine.levels.back().name, "memory");
  for (std::size_t i = 0; i < machine.levels.size(); ++i) {
    EXPECT_GT(machine.levels[i].bytes_per_s, 1e8) << machine.levels[i].name;
    const std::int64_t nearer_bytes = i > 0 ? machine.levels[i - 1].bytes_per_thread : 0;
    EXPECT_GT(machine.levels[i].bytes_per_thread, nearer_bytes);
  }
  for (const Machine::Unit& unit : machine.units) EXPECT_GT(unit.operations_per_s, 1e9) << unit.name;
  const std::vector<Measurement> shown = measurements(machine);
  EXPECT_EQ(shown.size(), machine.units.size() + machine.levels.size());
  EXPECT_EQ(machine.operations_per_s("no such unit"), 0.0);
  EXPECT_EQ(machine.bytes_per_s("no such level"), 0.0);
}

// Every table's unit is one that the machine measures: a share of nothing would be shown otherwise.
TEST(Benchmark, TheUnitOfEveryFormIsMeasured) {
  ThreadPool pool(1);
  for (const Ops* table : available_tables()) {
    for (const ActivationForm form : {ActivationForm::kF32, ActivationForm::kInt8}) {
      const std::string unit = unit_of(*table, form);
      if (unit.empty()) continue;
      EXPECT_GT(unit_peak(pool, unit), 1e9) << unit;
    }
  }
  EXPECT_EQ(unit_peak(pool, "no such unit"), 0.0);
}

}  // namespace
}  // namespace atelier::kernels
