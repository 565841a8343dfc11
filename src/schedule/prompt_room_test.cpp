#include "schedule/prompt_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::schedule {
namespace {

using testing::ElementsAre;

TEST(PromptRoom, HalfIsTheFirstOnesAndTheRestTheShortests) {
  const PromptRoom room{.work = 10, .most = 10};
  EXPECT_THAT(share(room, {}), ElementsAre());
  EXPECT_THAT(share(room, std::vector<PromptNeed>{{25, 0}}), ElementsAre(10));
  EXPECT_THAT(share(room, (std::vector<PromptNeed>{{25, 0}, {40, 0}, {3, 0}})), ElementsAre(5, 2, 3));
  EXPECT_THAT(share(room, (std::vector<PromptNeed>{{25, 0}, {1, 0}})), ElementsAre(9, 1));
}

TEST(PromptRoom, DeepTokensTakeMoreOfIt) {
  const PromptRoom room{.work = 100, .depth_cost = 0.001, .most = 100};
  EXPECT_THAT(share(room, std::vector<PromptNeed>{{500, 0}}), ElementsAre(testing::Ge(97)));
  EXPECT_THAT(share(room, std::vector<PromptNeed>{{500, 9000}}),
              ElementsAre(testing::AllOf(testing::Ge(9), testing::Le(10))));
}

TEST(PromptRoom, TheLeastEntersInAnyCaseAndNobodyPassesTheLimits) {
  const PromptRoom none{.work = 0, .most = 512, .least = 32};
  EXPECT_THAT(share(none, (std::vector<PromptNeed>{{100, 50}, {5, 0}})), ElementsAre(32, 0));
  EXPECT_THAT(share(none, std::vector<PromptNeed>{{7, 0}}), ElementsAre(7));
  EXPECT_THAT(share(none, (std::vector<PromptNeed>{{3, 0}, {30, 0}, {4, 0}})), ElementsAre(3, 25, 4));
  const PromptRoom narrow{.work = 512, .most = 512, .longest = 20};
  EXPECT_THAT(share(narrow, (std::vector<PromptNeed>{{100, 0}, {100, 0}})), ElementsAre(20, 20));
  const PromptRoom few{.work = 512, .most = 8, .least = 32};
  EXPECT_THAT(share(few, (std::vector<PromptNeed>{{100, 0}, {100, 0}})), ElementsAre(8, 0));
}

}  // namespace
}  // namespace atelier::schedule
