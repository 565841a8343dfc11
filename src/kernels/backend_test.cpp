#include "kernels/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/cpu_features.h"

namespace atelier::kernels {
namespace {

TEST(Backend, TheBestTableIsTheDefault) {
  const auto tables = available_tables();
  ASSERT_FALSE(tables.empty());
  EXPECT_STREQ(tables.front()->isa, "scalar");
  EXPECT_EQ(*choose_table(""), tables.back());
}

TEST(Backend, EveryTableIsFoundByItsNameAndIsWhole) {
  for (const Ops* table : available_tables()) {
    EXPECT_EQ(*choose_table(table->isa), table);
    EXPECT_TRUE(table->prepare && table->linear && table->rms_norm && table->rope && table->swiglu &&
                table->add && table->store_kv && table->attend && table->log_sum_exp)
        << table->isa;
  }
}

TEST(Backend, WithoutVnniCanBeNamedWhereItWouldNotBeTaken) {
  const auto table = choose_table("avx2-without-vnni");
  ASSERT_EQ(table.has_value(), cpu_features().avx_vnni);
  if (!table) return;
  EXPECT_STREQ((*table)->isa, "avx2-without-vnni");
  EXPECT_NE((*table)->linear, (*choose_table("avx2"))->linear);
}

TEST(Backend, RefusingNamesThoseThisMachineHas) {
  const auto table = choose_table("sse9");
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().fault, Fault::kUnsupported);
  EXPECT_THAT(table.error().message,
              testing::StartsWith("--isa sse9 is not available here; this machine has: scalar"));
}

}  // namespace
}  // namespace atelier::kernels
