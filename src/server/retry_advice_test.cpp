#include "server/retry_advice.h"

#include <gtest/gtest.h>

namespace atelier::server {
namespace {

using std::chrono::seconds;

constexpr RetryAdvice::Time kStart{seconds(1000)};

TEST(RetryAdvice, KnowsNothingAtFirst) {
  EXPECT_EQ(RetryAdvice().seconds(10, 0, kStart), RetryAdvice::kUnknown_s);
  RetryAdvice advice;
  advice.note(7, kStart);
  EXPECT_EQ(advice.seconds(10, 7, kStart + seconds(3)), RetryAdvice::kUnknown_s);  // nothing has ended since
}

TEST(RetryAdvice, IsHalfTheQueueAtTheRateOfLate) {
  RetryAdvice advice;
  advice.note(0, kStart);
  EXPECT_EQ(advice.seconds(40, 10, kStart + seconds(5)), 10);  // two a second, twenty to go
  EXPECT_EQ(advice.seconds(0, 10, kStart + seconds(5)), RetryAdvice::kLeast_s);
  EXPECT_EQ(advice.seconds(100'000, 10, kStart + seconds(5)), RetryAdvice::kMost_s);
}

TEST(RetryAdvice, ForgetsWhatIsLongAgo) {
  RetryAdvice advice;
  advice.note(0, kStart);
  for (int i = 0; i <= 60; ++i) advice.note(1'000 + i, kStart + seconds(3600 + i));
  EXPECT_EQ(advice.seconds(20, 1'060, kStart + seconds(3660)), 10);  // one a second, not what an hour gave
  EXPECT_EQ(advice.seconds(20, 1'060, kStart + seconds(9000)), RetryAdvice::kUnknown_s);
}

TEST(RetryAdvice, ManyNotesInOneSecondAreOne) {
  RetryAdvice advice;
  advice.note(0, kStart);
  for (int i = 1; i < 1000; ++i) advice.note(i, kStart + std::chrono::milliseconds(i));
  EXPECT_EQ(advice.seconds(1998, 999, kStart + seconds(1)), 1);
}

}  // namespace
}  // namespace atelier::server
