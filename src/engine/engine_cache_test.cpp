// What generations share, and what happens when memory runs out: neither may be seen in an answer.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/engine_for_tests.h"

namespace atelier::engine {
namespace {

TEST(EngineCache, AKnownBeginningIsNotComputedAgainAndChangesNothing) {
  TinyModel model;
  std::mt19937 random(5);
  const auto prompt = random_prompt(random, 150);
  EngineConfig without = config();
  without.prefix_cache = false;
  Answer cold;
  {
    Engine engine(model.decoder(), without);
    cold = run(engine, with_logprobs(prompt, 40));
    EXPECT_EQ(run(engine, with_logprobs(prompt, 1)).end.facts.cached_tokens, 0);
  }
  Engine engine(model.decoder(), config());
  expect_same(run(engine, with_logprobs(prompt, 40)), cold);
  const Answer warm = run(engine, with_logprobs(prompt, 40));
  expect_same(warm, cold);
  EXPECT_EQ(warm.end.facts.cached_tokens, 128);
  EXPECT_EQ(engine.stats().prefix_hits, 128);
  EXPECT_EQ(engine.stats().prefix_queries, 300);
  EXPECT_EQ(engine.stats().prompt_tokens, 150 + 22);
  // a conversation goes on: the first turn's prompt is known, the answer is read as a prompt
  auto longer = prompt;
  for (const std::int32_t id : cold.ids()) longer.push_back(id);
  EXPECT_EQ(run(engine, with_logprobs(longer, 5)).end.facts.cached_tokens, 128);
  expect_empty(engine);
}

TEST(EngineCache, IsNotSharedAcrossSaltsAndTenants) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  std::mt19937 random(6);
  const auto prompt = random_prompt(random, 100);
  run(engine, request(prompt, 1));
  GenerationRequest salted = request(prompt, 1);
  salted.cache_salt = "mine";
  EXPECT_EQ(run(engine, salted).end.facts.cached_tokens, 0);
  EXPECT_EQ(run(engine, salted).end.facts.cached_tokens, 96);
  GenerationRequest other = request(prompt, 1);
  other.tenant = 7;
  EXPECT_EQ(run(engine, other).end.facts.cached_tokens, 0);
  GenerationRequest whole = request(prompt, 1);
  whole.prompt_logprobs = 0;
  EXPECT_EQ(run(engine, whole).end.facts.cached_tokens, 0);
  EXPECT_EQ(run(engine, request(prompt, 1)).end.facts.cached_tokens, 96);
}

TEST(EngineCache, LongSequencesShareWithLongOnesOnly) {
  TinyModel model;
  EngineConfig two = config();
  two.native_len = 128;
  Engine engine(model.decoder(), two);
  std::mt19937 random(9);
  const auto prompt = random_prompt(random, 100);
  const auto cached = [&](std::int64_t max_tokens) {
    return run(engine, request(prompt, max_tokens)).end.facts.cached_tokens;
  };
  EXPECT_EQ(cached(28), 0);
  EXPECT_EQ(cached(29), 0);
  EXPECT_EQ(cached(28), 96);
  EXPECT_EQ(cached(50), 96);
}

TEST(EngineCache, OnePromptManyTimesIsComputedOnce) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  std::mt19937 random(7);
  const auto prompt = random_prompt(random, 100);
  std::vector<std::unique_ptr<GenerationHandle>> handles;
  for (int i = 0; i < 6; ++i) handles.push_back(*engine.submit(with_logprobs(prompt, 20)));
  const Answer first = finish(*handles[0]);
  for (std::size_t i = 1; i < handles.size(); ++i) {
    const Answer answer = finish(*handles[i]);
    expect_same(answer, first);
    EXPECT_EQ(answer.end.facts.cached_tokens, 96);
  }
  EXPECT_EQ(engine.stats().prompt_tokens, 100 + 5 * 4);
}

TEST(EngineCache, PreemptionIsNotSeenInAnswers) {
  TinyModel model;
  const std::vector<GenerationRequest> requests = eight_requests();
  const std::vector<Answer> alone = answers_alone(model, requests);
  EngineConfig narrow = config();
  narrow.kv_blocks = 10;  // two of the eight at their full length
  Engine engine(model.decoder(), narrow);
  std::vector<std::unique_ptr<GenerationHandle>> handles;
  for (const GenerationRequest& request : requests) handles.push_back(*engine.submit(request));
  std::int64_t preemptions = 0;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const Answer answer = finish(*handles[i]);
    EXPECT_EQ(answer.end.reason, FinishReason::kLength);
    expect_same(answer, alone[i]);
    preemptions += answer.end.facts.preemptions;
  }
  EXPECT_GT(preemptions, 0);
  EXPECT_EQ(engine.stats().preemptions, preemptions);
  EXPECT_GT(engine.stats().recomputed_tokens, 0);
  expect_empty(engine);
}

TEST(EngineCache, FactsTellTheWay) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  const auto facts = run(engine, request({1, 2, 3}, 10)).end.facts;
  const GenerationFacts::Time never{};
  EXPECT_LT(never, facts.arrived);
  EXPECT_LE(facts.arrived, facts.admitted);
  EXPECT_LT(facts.admitted, facts.first_token);
  EXPECT_LT(facts.first_token, facts.last_token);
  // cancelled while it waits: it never began
  Engine busy(model.decoder(), [] {
    EngineConfig one = for_endless_answers();
    one.max_sequences = 1;
    return one;
  }());
  auto first = *busy.submit(request({1}, kEndless));
  first->wait();
  auto second = *busy.submit(request({1}, 5));
  second->cancel();
  const auto left = finish(*second).end.facts;
  EXPECT_LT(never, left.arrived);
  EXPECT_EQ(left.admitted, never);
  EXPECT_EQ(left.first_token, never);
}

TEST(EngineCache, BoundsTheTokensThatAreQueued) {
  TinyModel model;
  EngineConfig small = for_endless_answers();
  small.max_sequences = 1;
  small.max_queued_tokens = 100;
  Engine engine(model.decoder(), small);
  auto running = *engine.submit(request({1}, kEndless));
  running->wait();
  auto waiting = *engine.submit(request(std::vector<std::int32_t>(60, 1), 1));
  const auto refused = engine.submit(request(std::vector<std::int32_t>(60, 1), 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::kOverloaded);
  EXPECT_NE(refused.error().message.find("100"), std::string::npos) << refused.error().message;
  EXPECT_EQ(engine.stats().queued_tokens, 60);
  running.reset();
  finish(*waiting);
  EXPECT_EQ(engine.stats().queued_tokens, 0);
}

}  // namespace
}  // namespace atelier::engine
