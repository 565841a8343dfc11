// Scores of a prompt's tokens, and what restrictions do to a generation, through the engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <latch>
#include <numeric>
#include <thread>

#include "engine/engine_for_tests.h"

namespace atelier::engine {
namespace {

std::vector<std::int32_t> some_prompt(std::size_t length) {
  std::vector<std::int32_t> prompt(length);
  for (std::size_t i = 0; i < length; ++i) prompt[i] = static_cast<std::int32_t>((i * 37 + 11) % 250);
  return prompt;
}

Answer scored(std::int64_t max_batch_tokens, const std::vector<std::int32_t>& prompt) {
  TinyModel model;
  Engine engine(model.decoder(), config(max_batch_tokens));
  GenerationRequest wanted = request(prompt, 5);
  wanted.prompt_logprobs = 3;
  return run(engine, std::move(wanted));
}

TEST(PromptScores, AreThoseOfTheNextTokenAfterEachPrefix) {
  TinyModel model;
  Engine engine(model.decoder(), config(64));
  const auto prompt = some_prompt(100);
  const Answer answer = scored(64, prompt);
  ASSERT_EQ(answer.prompt.size(), prompt.size() - 1);
  for (const std::size_t at : {1, 31, 32, 33, 64, 99}) {
    GenerationRequest prefix = request({prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(at)}, 1);
    prefix.sampling.logprobs = TinyModel::kVocabulary;
    const Answer next = run(engine, std::move(prefix));
    const sample::TokenScore& score = answer.prompt[at - 1];
    const auto& all = next.tokens.at(0).top;
    const auto own = std::ranges::find(all, prompt[at], &sample::TokenLogprob::id);
    ASSERT_NE(own, all.end());
    EXPECT_EQ(score.id, prompt[at]);
    EXPECT_EQ(score.logprob, own->logprob) << at;
    EXPECT_EQ(score.rank, own - all.begin() + 1) << at;
    ASSERT_EQ(score.top.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(score.top[i].id, all[i].id) << at;
  }
}

TEST(PromptScores, DoNotDependOnHowThePromptIsCutAndChangeNoAnswer) {
  const auto prompt = some_prompt(100);
  const Answer whole = scored(512, prompt), pieces = scored(7, prompt);
  ASSERT_EQ(whole.prompt.size(), pieces.prompt.size());
  for (std::size_t i = 0; i < whole.prompt.size(); ++i) {
    EXPECT_EQ(whole.prompt[i].logprob, pieces.prompt[i].logprob) << i;
    EXPECT_EQ(whole.prompt[i].rank, pieces.prompt[i].rank) << i;
  }
  TinyModel model;
  Engine engine(model.decoder(), config(64));
  const Answer plain = run(engine, request(prompt, 5));
  EXPECT_TRUE(plain.prompt.empty());
  ASSERT_EQ(plain.tokens.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(plain.tokens[i].id, whole.tokens.at(i).id);
    EXPECT_EQ(plain.tokens[i].id, pieces.tokens.at(i).id);
  }
}

TEST(PromptScores, APromptOfOneTokenHasNone) {
  const Answer answer = scored(64, {5});
  EXPECT_TRUE(answer.prompt.empty());
  EXPECT_EQ(answer.tokens.size(), 5u);
}

TEST(PromptScores, InCompanyEveryoneGetsTheirOwn) {
  TinyModel model;
  Engine engine(model.decoder(), config(16));
  std::vector<std::unique_ptr<GenerationHandle>> handles;
  std::vector<std::vector<std::int32_t>> prompts;
  for (std::size_t i = 0; i < 4; ++i) {
    prompts.push_back(some_prompt(20 + 23 * i));
    GenerationRequest one = request(prompts.back(), 5);
    if (i % 2 == 0) one.prompt_logprobs = 0;
    handles.push_back(*engine.submit(std::move(one)));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    const Answer answer = finish(*handles[i]);
    const Answer alone = scored(64, prompts[i]);
    ASSERT_EQ(answer.prompt.size(), i % 2 == 0 ? prompts[i].size() - 1 : 0);
    for (std::size_t k = 0; k < answer.prompt.size(); ++k)
      EXPECT_EQ(answer.prompt[k].logprob, alone.prompt[k].logprob);
    for (std::size_t k = 0; k < 5; ++k) EXPECT_EQ(answer.tokens.at(k).id, alone.tokens.at(k).id);
  }
}

TEST(PromptScores, ComeOnceEachThoughTheirPromptWasCachedOrPreempted) {
  TinyModel model;
  EngineConfig tight = config(2);
  tight.kv_blocks = 10;
  Engine engine(model.decoder(), tight);
  const auto prompt = some_prompt(240);
  GenerationRequest wanted = request(prompt, 5);
  wanted.prompt_logprobs = 3;
  // the engine stands still until both are there
  auto holder = engine.submit(request({1}, 100));
  std::latch both_there(1);
  (*holder)->on_update([&both_there, test = std::this_thread::get_id()] {
    if (std::this_thread::get_id() != test) both_there.wait();
  });
  auto growing = engine.submit(request(some_prompt(10), 100));  // takes blocks from who comes later
  auto scored_one = engine.submit(wanted);
  both_there.count_down();
  holder->reset();
  const Answer preempted = finish(**scored_one), cached = run(engine, wanted), alone = scored(64, prompt);
  EXPECT_GT(preempted.end.facts.preemptions, 0);
  for (const Answer* answer : {&preempted, &cached}) {
    ASSERT_EQ(answer->prompt.size(), prompt.size() - 1);
    for (std::size_t i = 0; i < answer->prompt.size(); ++i) {
      EXPECT_EQ(answer->prompt[i].id, prompt[i + 1]);
      EXPECT_EQ(answer->prompt[i].logprob, alone.prompt[i].logprob) << i;
    }
  }
  while (!(*growing)->wait().end) continue;
}

TEST(PromptScores, WhatIsNotFiniteEndsTheGenerationWithItsReason) {
  TinyModel model;
  Engine engine(model.decoder(), config(64));
  GenerationRequest poisoned = request({1, TinyModel::kPoison, 2}, 5);
  poisoned.prompt_logprobs = 0;
  const Answer answer = run(engine, std::move(poisoned));
  EXPECT_EQ(answer.end.reason, FinishReason::kFailed);
  EXPECT_EQ(answer.end.fault, Fault::kInternal);
  EXPECT_FALSE(answer.end.error.empty());
}

TEST(Restrictions, TheLeastLengthHoldsAgainstAStopId) {
  TinyModel model;
  Engine engine(model.decoder(), config(64));
  const auto prompt = some_prompt(10);
  const std::int32_t stop = run(engine, request(prompt, 1)).tokens.at(0).id;
  GenerationRequest at_once = request(prompt, 8);
  at_once.stop_ids = {stop};
  EXPECT_TRUE(run(engine, at_once).tokens.empty());
  at_once.sampling.restrictions =
      std::make_shared<const sample::Restrictions>(sample::Restrictions{.min_tokens = 4, .held = {stop}});
  const Answer held = run(engine, at_once);
  EXPECT_GE(held.tokens.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NE(held.tokens[i].id, stop);
}

TEST(Restrictions, NothingLeftIsTheClientsFault) {
  TinyModel model;
  Engine engine(model.decoder(), config(64));
  GenerationRequest stuck = request({1, 2}, 5);
  stuck.sampling.restrictions =
      std::make_shared<const sample::Restrictions>(sample::Restrictions{.allowed = {7}, .banned = {{7, 7}}});
  const Answer answer = run(engine, std::move(stuck));
  EXPECT_EQ(answer.tokens.size(), 1u);
  EXPECT_EQ(answer.end.reason, FinishReason::kFailed);
  EXPECT_EQ(answer.end.fault, Fault::kBadRequest);
}

}  // namespace
}  // namespace atelier::engine
