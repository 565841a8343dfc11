#include "plan/work_floor.h"

#include <gtest/gtest.h>

namespace atelier::plan {
namespace {

// Numbers that can be added up by hand.
constexpr plan::StepCost kCost{.weight_bytes = 1000,
                               .kv_bytes_per_token = 2,
                               .matrix_operations_per_token = 100,
                               .head_operations = 10,
                               .attention_operations_per_key = 1};

TEST(WorkFloor, OfOneRequest) {
  const WorkFloor floor =
      work_floor(kCost, {.requests = 1, .input_tokens = 4, .output_tokens = 2, .at_once = 1});
  EXPECT_DOUBLE_EQ(floor.prompt_operations, 4 * 100 + (1 + 2 + 3 + 4) * 1 + 10);
  EXPECT_DOUBLE_EQ(floor.operations, 420 + 1 * (100 + 10 + 5 * 1));
  EXPECT_DOUBLE_EQ(floor.bytes, 2 * 1000 + 1 * 5 * 2);  // the prompt's pass and one step
}

TEST(WorkFloor, RequestsAtOnceShareTheReadingOfWeights) {
  const Load alone{.requests = 8, .input_tokens = 4, .output_tokens = 11, .at_once = 1};
  Load together = alone;
  together.at_once = 8;
  EXPECT_DOUBLE_EQ(work_floor(kCost, alone).operations, work_floor(kCost, together).operations);
  EXPECT_DOUBLE_EQ(work_floor(kCost, alone).bytes - work_floor(kCost, together).bytes, 7 * 10 * 1000);
}

TEST(WorkFloor, SecondsAreThoseOfTheNarrowerSide) {
  const WorkFloor floor{.operations = 300, .bytes = 100, .prompt_operations = 0};
  EXPECT_DOUBLE_EQ(floor_seconds(floor, {.operations_per_s = 100, .bytes_per_s = 100}), 3);
  EXPECT_DOUBLE_EQ(floor_seconds(floor, {.operations_per_s = 1000, .bytes_per_s = 10}), 10);
}

}  // namespace
}  // namespace atelier::plan
