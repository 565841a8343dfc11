#include "base/checked.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace atelier {
namespace {

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
constexpr auto kUnsignedMax = std::numeric_limits<std::uint64_t>::max();

TEST(Checked, AddsUpToTheEdge) {
  EXPECT_EQ(checked_add<std::int64_t>(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_add<std::int64_t>(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_add<std::int64_t>(kMin, -1), std::nullopt);
  EXPECT_EQ(checked_add<std::uint64_t>(kUnsignedMax, 1), std::nullopt);
  EXPECT_EQ(checked_add<std::uint64_t>(kUnsignedMax, 0), kUnsignedMax);
}

TEST(Checked, MultipliesUpToTheEdge) {
  EXPECT_EQ(checked_mul<std::int64_t>(std::int64_t{1} << 31, std::int64_t{1} << 31), std::int64_t{1} << 62);
  EXPECT_EQ(checked_mul<std::int64_t>(std::int64_t{1} << 32, std::int64_t{1} << 31), std::nullopt);
  EXPECT_EQ(checked_mul<std::int64_t>(kMin, -1), std::nullopt);
  EXPECT_EQ(checked_mul<std::uint64_t>(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(checked_mul<std::uint64_t>(kUnsignedMax, 0), 0u);
}

}  // namespace
}  // namespace atelier
