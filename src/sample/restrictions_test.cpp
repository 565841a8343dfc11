#include "sample/restrictions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "sample/sampler.h"

namespace atelier::sample {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();
constexpr std::int32_t kIds = 6;

std::vector<float> rising() {
  return {0, 1, 2, 3, 4, 5};
}

SamplingOptions restricted(Restrictions restrictions, float temperature = 0) {
  SamplingOptions options;
  options.temperature = temperature;
  options.restrictions = std::make_shared<const Restrictions>(std::move(restrictions));
  return options;
}

std::vector<std::int32_t> greedy(const SamplingOptions& options, int tokens) {
  Sampler sampler(options, std::vector<std::int32_t>{0}, kIds);
  SamplerScratch scratch;
  std::vector<std::int32_t> out;
  for (int i = 0; i < tokens; ++i) out.push_back(sampler.pick(rising(), scratch)->id);
  return out;
}

TEST(Restrictions, OnlyAllowedIdsAreLeft) {
  auto logits = rising();
  EXPECT_TRUE(apply({.allowed = {3, 1, 3}}, {}, logits));
  EXPECT_EQ(logits, (std::vector<float>{kForbidden, 1, kForbidden, 3, kForbidden, kForbidden}));
  EXPECT_EQ(greedy(restricted({.allowed = {3, 1}}), 2), (std::vector{3, 3}));
}

TEST(Restrictions, AWordOfOneTokenIsNeverChosenALongerOneOnlyNotFinished) {
  EXPECT_EQ(greedy(restricted({.banned = {{5}}}), 2), (std::vector{4, 4}));
  // 5 5 5 is banned: after two of them another id must come
  EXPECT_EQ(greedy(restricted({.banned = {{5, 5, 5}}}), 6), (std::vector{5, 5, 4, 5, 5, 4}));
}

TEST(Restrictions, WhatEndsTheAnswerIsHeldBackUntilItsLeastLength) {
  EXPECT_EQ(greedy(restricted({.min_tokens = 3, .held = {5, 4}}), 5), (std::vector{3, 3, 3, 5, 5}));
}

TEST(Restrictions, BiasIsAddedAndLiftsNoBan) {
  EXPECT_EQ(greedy(restricted({.bias = {{0, 100}}}), 1), (std::vector{0}));
  EXPECT_EQ(greedy(restricted({.bias = {{5, -100}, {4, -1.5f}}}), 1), (std::vector{3}));
  EXPECT_EQ(greedy(restricted({.banned = {{5}}, .bias = {{5, 100}}}), 1), (std::vector{4}));
}

TEST(Restrictions, ComeBeforePenaltiesWhichLiftNoBan) {
  SamplingOptions options = restricted({.banned = {{5}}, .bias = {{3, 1.5f}}});
  options.repetition_penalty = 0.01f;  // would make what was seen a hundred times larger
  options.presence_penalty = 2.0f;
  const auto out = probabilities(rising(), options, std::vector{5, 5}, std::vector{3, 5});
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)[5], 0.0);
  EXPECT_EQ((*out)[3], 1.0);  // 4.5 / 0.01 - 2
}

TEST(Restrictions, NoForbiddenTokenHasAnyProbabilityWhateverTheFilters) {
  for (const std::int32_t top_k : {0, 4}) {
    for (const float top_p : {0.9f, 1.0f}) {
      for (const float min_p : {0.0f, 0.01f}) {
        SamplingOptions options = restricted({.allowed = {1, 2}, .bias = {{1, 1}}}, 100.0f);
        options.top_k = top_k;
        options.top_p = top_p;
        options.min_p = min_p;
        const auto out = probabilities(rising(), options, {}, {});
        ASSERT_TRUE(out);
        EXPECT_NEAR((*out)[1], 0.5, 1e-6);
        EXPECT_NEAR((*out)[2], 0.5, 1e-6);
        Sampler sampler(options, std::vector<std::int32_t>{0}, kIds);
        SamplerScratch scratch;
        std::set<std::int32_t> seen;
        for (int i = 0; i < 200; ++i) seen.insert(sampler.pick(rising(), scratch)->id);
        EXPECT_EQ(seen, (std::set<std::int32_t>{1, 2}));
      }
    }
  }
}

TEST(Restrictions, LogprobsStayTheModels) {
  SamplingOptions options = restricted({.banned = {{5}}, .bias = {{4, -3}}});
  options.logprobs = 2;
  Sampler sampler(options, std::vector<std::int32_t>{0}, kIds);
  SamplerScratch scratch;
  const auto choice = sampler.pick(rising(), scratch);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->id, 3);
  EXPECT_EQ(choice->top[0].id, 5);
  EXPECT_EQ(choice->top[1].id, 4);
  EXPECT_NEAR(choice->top[0].logprob - choice->logprob, 2.0f, 1e-5);
}

TEST(Restrictions, NothingLeftIsTheClientsFaultAndSaysSo) {
  Sampler sampler(restricted({.allowed = {2}, .min_tokens = 1, .held = {2}}), std::vector<std::int32_t>{0},
                  kIds);
  SamplerScratch scratch;
  const auto choice = sampler.pick(rising(), scratch);
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().fault, Fault::kBadRequest);
  EXPECT_NE(choice.error().message.find("allowed_token_ids"), std::string::npos);
}

}  // namespace
}  // namespace atelier::sample
