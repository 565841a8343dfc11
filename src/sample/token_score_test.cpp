#include "sample/token_score.h"

#include <gtest/gtest.h>

#include <cmath>

namespace atelier::sample {
namespace {

TEST(TokenScore, RanksAmongRealTokensAndSumsOverAllRows) {
  const std::vector<float> logits = {1, 3, 3, 2, 9};  // row 4 is padding
  const double sum = std::exp(1) + 2 * std::exp(3) + std::exp(2) + std::exp(9);
  const TokenScore third = score(logits, 4, 3, 2);
  EXPECT_EQ(third.id, 3);
  EXPECT_EQ(third.rank, 3);
  EXPECT_NEAR(third.logprob, 2 - std::log(sum), 1e-5);
  ASSERT_EQ(third.top.size(), 2u);
  EXPECT_EQ(third.top[0].id, 1);
  EXPECT_EQ(third.top[1].id, 2);
  EXPECT_NEAR(third.top[0].logprob, 3 - std::log(sum), 1e-5);
  EXPECT_EQ(score(logits, 4, 1, 0).rank, 2);  // its equal counts
  EXPECT_TRUE(score(logits, 4, 1, 0).top.empty());
}

}  // namespace
}  // namespace atelier::sample
