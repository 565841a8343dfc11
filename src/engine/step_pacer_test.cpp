#include "engine/step_pacer.h"

#include <gtest/gtest.h>

namespace atelier::engine {
namespace {

constexpr schedule::PromptRoom kWhole = {.work = 512, .most = 512, .least = 32};

TEST(StepPacer, APromptAloneFillsTheStep) {
  StepPacer pacer(0.1, kWhole);
  pacer.learn(512, 10.0);
  EXPECT_EQ(pacer.room(false).work, 512);
}

TEST(StepPacer, BesideOthersAStepEndsInTime) {
  StepPacer pacer(0.25, kWhole);
  EXPECT_EQ(pacer.room(true).work, 0);  // nothing is known: only the least
  pacer.learn(0, 0.05);
  for (int i = 0; i < 40; ++i) pacer.learn(100, 0.05 + 100 * 0.002);
  EXPECT_NEAR(pacer.room(true).work, 100, 1);
  for (int i = 0; i < 40; ++i) pacer.learn(100, 0.05 + 100 * 0.0001);
  EXPECT_EQ(pacer.room(true).work, 512);
}

TEST(StepPacer, WhereGeneratingTakesTheWholeTargetPromptsGetTheLeast) {
  StepPacer pacer(0.25, kWhole);
  pacer.learn(512, 1.0);
  pacer.learn(0, 0.4);
  EXPECT_EQ(pacer.room(true).work, 0);
  EXPECT_EQ(pacer.room(true).least, 32);
}

}  // namespace
}  // namespace atelier::engine
