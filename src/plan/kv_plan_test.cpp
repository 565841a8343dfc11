#include "plan/kv_plan.h"

#include <gtest/gtest.h>

#include "plan/machine_memory.h"

namespace atelier::plan {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

KvWishes wishes() {
  return {.bytes_per_block = kMiB,
          .declared_context = 4096,
          .max_sequences = 4,
          .budget = {.free_bytes = 4096 * kMiB}};
}

TEST(KvPlan, HoldsEverySequenceWhereMemoryAllows) {
  const auto plan = plan_kv(wishes());  // 4096 tokens = 128 blocks of 32; a quarter of memory = 1024 blocks
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->max_model_len, 4096);
  EXPECT_EQ(plan->blocks, 4 * 128);
  EXPECT_DOUBLE_EQ(plan->full_sequences, 4.0);
  EXPECT_FALSE(plan->reduced);
}

TEST(KvPlan, TakesAtMostAQuarterOfMemory) {
  KvWishes many = wishes();
  many.max_sequences = 100;
  const auto plan = plan_kv(many);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->blocks, 1024);
  EXPECT_DOUBLE_EQ(plan->full_sequences, 8.0);
}

TEST(KvPlan, ReducesTheDeclaredContextToWhatFits) {
  KvWishes small = wishes();
  small.budget.free_bytes = 256 * kMiB;  // a quarter: 64 blocks
  const auto plan = plan_kv(small);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->reduced);
  EXPECT_EQ(plan->max_model_len, 64 * 32);
  EXPECT_EQ(plan->blocks, 64);
}

TEST(KvPlan, GivesAnAskedForLengthMoreThanAQuarter) {
  KvWishes asked = wishes();
  asked.budget.free_bytes = 256 * kMiB;
  asked.max_model_len = 4096;  // 128 blocks: half of memory
  const auto plan = plan_kv(asked);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->max_model_len, 4096);
  EXPECT_EQ(plan->blocks, 128);
}

TEST(KvPlan, RefusesWhatCannotBe) {
  KvWishes over = wishes();
  over.max_model_len = 4097;
  KvWishes starved = wishes();
  starved.budget.free_bytes = 100 * kMiB;
  starved.max_model_len = 4096;
  KvWishes nothing = wishes();
  nothing.budget.free_bytes = kMiB;
  for (const KvWishes& impossible : {over, starved, nothing}) {
    const auto plan = plan_kv(impossible);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().param, "--max-model-len");
  }
  EXPECT_NE(plan_kv(over).error().message.find("4096"), std::string::npos);
}

TEST(KvPlan, UnknownMemoryIsNoLimit) {
  KvWishes unknown = wishes();
  unknown.budget.free_bytes = 0;
  unknown.max_sequences = 1000;
  EXPECT_EQ(plan_kv(unknown)->blocks, 128'000);
}

TEST(KvPlan, ThisMachineHasMemory) {
  EXPECT_GT(available_memory(), 0);
  EXPECT_GE(whole_memory(), available_memory());
}

TEST(KvPlan, GivesExactlyWhatWasAskedFor) {
  KvWishes blocks = wishes();
  blocks.budget.kv_blocks = 37;
  const auto plan = plan_kv(blocks);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->blocks, 37);
  EXPECT_EQ(plan->bytes, 37 * kMiB);
  EXPECT_EQ(plan->max_model_len, 37 * 32);
  EXPECT_TRUE(plan->reduced);
  KvWishes bytes = wishes();
  bytes.budget.kv_bytes = 700 * kMiB + 5;
  EXPECT_EQ(plan_kv(bytes)->blocks, 688);  // whole runs of 16: no byte more than asked for is taken
  bytes.max_model_len = 4096;
  bytes.budget.kv_bytes = 100 * kMiB;  // 128 blocks would do
  ASSERT_FALSE(plan_kv(bytes));
  EXPECT_EQ(plan_kv(bytes).error().param, "--max-model-len");
  EXPECT_NE(plan_kv(bytes).error().message.find("--max-model-len 3072"), std::string::npos);
}

TEST(KvPlan, RefusesMoreThanIsFree) {
  KvWishes blocks = wishes();
  blocks.budget.kv_blocks = 4097;
  EXPECT_EQ(plan_kv(blocks).error().param, "--num-gpu-blocks-override");
  KvWishes bytes = wishes();
  bytes.budget.kv_bytes = 4097 * kMiB;
  EXPECT_EQ(plan_kv(bytes).error().param, "--kv-cache-memory-bytes");
}

TEST(KvPlan, AShareIsOfTheWholeProgram) {
  KvWishes share = wishes();
  share.max_sequences = 1000;
  share.budget.whole_bytes = 8192 * kMiB;
  share.budget.other_bytes = 1024 * kMiB;
  share.budget.share = 0.5;
  EXPECT_EQ(plan_kv(share)->blocks, 4096 - 1024);
  share.budget.share = 0.9;
  EXPECT_EQ(plan_kv(share)->blocks, 4096);  // no more than is free
  share.budget.share = 0.1;
  const auto plan = plan_kv(share);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().param, "--gpu-memory-utilization");
  EXPECT_NE(plan.error().message.find("0.13"), std::string::npos) << plan.error().message;
}

}  // namespace
}  // namespace atelier::plan
