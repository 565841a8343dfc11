#include "app/kv_budget.h"

#include <gtest/gtest.h>

namespace atelier::app {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

KvWishes wishes() {
  return {
      .bytes_per_block = kMiB, .declared_context = 4096, .max_sequences = 4, .available_bytes = 4096 * kMiB};
}

TEST(KvBudget, HoldsEverySequenceWhereMemoryAllows) {
  const auto plan = plan_kv(wishes());  // 4096 tokens = 128 blocks of 32; a quarter of memory = 1024 blocks
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->max_model_len, 4096);
  EXPECT_EQ(plan->blocks, 4 * 128);
  EXPECT_DOUBLE_EQ(plan->full_sequences, 4.0);
  EXPECT_FALSE(plan->reduced);
}

TEST(KvBudget, TakesAtMostAQuarterOfMemory) {
  KvWishes many = wishes();
  many.max_sequences = 100;
  const auto plan = plan_kv(many);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->blocks, 1024);
  EXPECT_DOUBLE_EQ(plan->full_sequences, 8.0);
}

TEST(KvBudget, ReducesTheDeclaredContextToWhatFits) {
  KvWishes small = wishes();
  small.available_bytes = 256 * kMiB;  // a quarter: 64 blocks
  const auto plan = plan_kv(small);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->reduced);
  EXPECT_EQ(plan->max_model_len, 64 * 32);
  EXPECT_EQ(plan->blocks, 64);
}

TEST(KvBudget, GivesAnAskedForLengthMoreThanAQuarter) {
  KvWishes asked = wishes();
  asked.available_bytes = 256 * kMiB;
  asked.max_model_len = 4096;  // 128 blocks: half of memory
  const auto plan = plan_kv(asked);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->max_model_len, 4096);
  EXPECT_EQ(plan->blocks, 128);
}

TEST(KvBudget, RefusesWhatCannotBe) {
  KvWishes over = wishes();
  over.max_model_len = 4097;
  KvWishes starved = wishes();
  starved.available_bytes = 100 * kMiB;
  starved.max_model_len = 4096;
  KvWishes nothing = wishes();
  nothing.available_bytes = kMiB;
  for (const KvWishes& impossible : {over, starved, nothing}) {
    const auto plan = plan_kv(impossible);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().param, "--max-model-len");
  }
  EXPECT_NE(plan_kv(over).error().message.find("4096"), std::string::npos);
}

TEST(KvBudget, UnknownMemoryIsNoLimit) {
  KvWishes unknown = wishes();
  unknown.available_bytes = 0;
  unknown.max_sequences = 1000;
  EXPECT_EQ(plan_kv(unknown)->blocks, 128'000);
}

TEST(KvBudget, ThisMachineHasMemory) {
  EXPECT_GT(available_memory(), 0);
}

}  // namespace
}  // namespace atelier::app
