#include "engine/engine.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "engine/engine_for_tests.h"

namespace atelier::engine {
namespace {

using namespace std::chrono_literals;

TEST(Engine, GeneratesUntilMaxTokens) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  const Answer answer = run(engine, request({1, 2, 3}, 20));
  EXPECT_EQ(answer.end.reason, FinishReason::kLength);
  EXPECT_EQ(answer.tokens.size(), 20u);
  for (const std::int32_t id : answer.ids()) EXPECT_LT(id, TinyModel::kVocabulary);
  const EngineStats stats = engine.stats();
  EXPECT_EQ(stats.blocks_used, 0);
  EXPECT_EQ(stats.blocks_total, 40);
  EXPECT_EQ(stats.prompt_tokens, 3);
  EXPECT_EQ(stats.generated_tokens, 20);
  EXPECT_EQ(stats.finished, 1);
}

TEST(Engine, StopsAtAStopIdAndDoesNotDeliverIt) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  const std::vector<std::int32_t> free = run(engine, request({9, 8, 7}, 30)).ids();
  GenerationRequest stopping = request({9, 8, 7}, 30);
  stopping.stop_ids = {free[10]};
  const auto first = std::ranges::find(free, free[10]);
  const Answer stopped = run(engine, stopping);
  EXPECT_EQ(stopped.end.reason, FinishReason::kStop);
  EXPECT_EQ(stopped.end.stop_id, free[10]);
  EXPECT_EQ(stopped.ids(), std::vector<std::int32_t>(free.begin(), first));
  stopping.ignore_eos = true;
  EXPECT_EQ(run(engine, stopping).ids(), free);
}

TEST(Engine, ClampsToTheContext) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  std::mt19937 random(1);
  const Answer answer = run(engine, request(random_prompt(random, 250), 1000));
  EXPECT_EQ(answer.end.reason, FinishReason::kLength);
  EXPECT_EQ(answer.tokens.size(), 6u);
  EXPECT_EQ(run(engine, request(random_prompt(random, 255), 1000)).tokens.size(), 1u);
}

TEST(Engine, RefusesWhatCannotRun) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  const auto fault = [&](GenerationRequest request) { return engine.submit(std::move(request)).error(); };
  EXPECT_EQ(fault(request({}, 1)).fault, Fault::kBadRequest);
  EXPECT_EQ(fault(request({1, 260}, 1)).fault, Fault::kBadRequest);
  EXPECT_NE(fault(request({1, 260}, 1)).message.find("260"), std::string::npos);
  EXPECT_EQ(fault(request({-1}, 1)).fault, Fault::kBadRequest);
  EXPECT_EQ(fault(request({1}, 0)).fault, Fault::kBadRequest);
  const Failure too_long = fault(request(std::vector<std::int32_t>(256, 1), 1));
  EXPECT_EQ(too_long.fault, Fault::kTooLong);
  EXPECT_NE(too_long.message.find("256"), std::string::npos) << too_long.message;
  GenerationRequest adapted = request({1}, 1);
  adapted.adapter = 3;
  EXPECT_EQ(fault(adapted).fault, Fault::kUnsupported);
}

TEST(Engine, ContextIsAtMostThePool) {
  TinyModel model;
  EngineConfig small = config();
  small.kv_blocks = 2;
  Engine engine(model.decoder(), small);
  EXPECT_EQ(engine.config().max_model_len, 64);
  EXPECT_EQ(run(engine, request(std::vector<std::int32_t>(60, 5), 100)).tokens.size(), 4u);
}

// Prompts cut anywhere, neighbours coming and going: every token and log-probability is bit-equal to the run
// alone.
TEST(Engine, CompanyDoesNotChangeResults) {
  TinyModel model;
  std::mt19937 random(42);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 24; ++i) {
    GenerationRequest one = request(random_prompt(random, 1 + random() % 150), 5 + random() % 40);
    one.sampling.logprobs = 3;
    if (i % 2 == 1) {
      one.sampling.temperature = 0.9f;
      one.sampling.seed = i;
      one.sampling.top_k = i % 4 == 1 ? 0 : 40;
      one.sampling.repetition_penalty = 1.1f;
    }
    requests.push_back(one);
  }
  std::vector<Answer> alone, together;
  {
    EngineConfig single = config();
    single.max_sequences = 1;
    single.max_batch_tokens = 512;
    Engine engine(model.decoder(), single);
    for (const GenerationRequest& one : requests) alone.push_back(run(engine, one));
  }
  EngineConfig crowded = config();
  crowded.max_batch_tokens = 23;
  Engine engine(model.decoder(), crowded);
  std::vector<std::unique_ptr<GenerationHandle>> handles;
  for (const GenerationRequest& one : requests) handles.push_back(*engine.submit(one));
  for (auto& handle : handles) together.push_back(finish(*handle));
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(alone[i].ids(), together[i].ids()) << i;
    for (std::size_t t = 0; t < alone[i].tokens.size(); ++t) {
      const TokenEvent &a = alone[i].tokens[t], &b = together[i].tokens[t];
      ASSERT_EQ(a.logprob, b.logprob) << i << " token " << t;
      ASSERT_EQ(a.top.size(), 3u);
      for (std::size_t k = 0; k < 3; ++k) ASSERT_EQ(a.top[k].logprob, b.top[k].logprob);
    }
  }
  expect_empty(engine);
}

TEST(Engine, CancellingFreesThePlace) {
  TinyModel model;
  EngineConfig one = for_endless_answers();
  one.max_sequences = 1;
  Engine engine(model.decoder(), one);
  auto running = *engine.submit(request({1}, kEndless));
  auto waiting = *engine.submit(request({2}, kEndless));
  auto last = *engine.submit(request({3}, 3));
  EXPECT_FALSE(running->wait().tokens.empty());
  running->cancel();
  waiting->cancel();
  EXPECT_EQ(finish(*running).end.reason, FinishReason::kCancelled);
  EXPECT_EQ(finish(*waiting).end.reason, FinishReason::kCancelled);
  EXPECT_EQ(finish(*last).end.reason, FinishReason::kLength);
  EXPECT_EQ(running->wait().end->reason, FinishReason::kCancelled);  // the end again
  expect_empty(engine);
}

// Told at step S that it is not wanted, the engine has freed its blocks by the end of step S + 1 and makes no
// more tokens of it.
TEST(Engine, ACancelledSequenceIsGoneByTheNextStep) {
  TinyModel model;
  Engine engine(model.decoder(), for_endless_answers());
  auto other = *engine.submit(request({4}, 250));
  auto handle = *engine.submit(request({5}, kEndless));
  int calls = 0;  // the first may be on this thread, inside on_update; all later ones on the engine's
  EngineStats at_cancel, at_end;
  std::atomic<bool> ended = false;
  handle->on_update([&] {
    ++calls;
    if (calls == 3) {
      at_cancel = engine.stats();
      handle->cancel();
    } else if (calls == 4) {
      at_end = engine.stats();
      ended = true;
      ended.notify_one();
    }
  });
  ended.wait(false);
  handle->on_update({});
  EXPECT_EQ(calls, 4);
  EXPECT_LE(at_end.steps, at_cancel.steps + 1);
  EXPECT_LT(at_end.blocks_used, at_cancel.blocks_used);
  EXPECT_EQ(finish(*handle).end.reason, FinishReason::kCancelled);
  EXPECT_EQ(finish(*other).end.reason, FinishReason::kLength);
  expect_empty(engine);
}

TEST(Engine, LettingAHandleGoCancels) {
  TinyModel model;
  Engine engine(model.decoder(), for_endless_answers());
  auto handle = *engine.submit(request({5}, kEndless));
  EXPECT_FALSE(handle->wait().tokens.empty());
  handle.reset();
  expect_empty(engine);
  EXPECT_LT(engine.stats().generated_tokens, kEndless);
}

TEST(Engine, FailureEndsOnlyTheAffected) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  auto healthy = *engine.submit(request({1, 2, 3}, 40));
  auto poisoned = *engine.submit(request({1, TinyModel::kPoison, 3}, 40));
  const Answer failed = finish(*poisoned);
  EXPECT_EQ(failed.end.reason, FinishReason::kFailed);
  EXPECT_FALSE(failed.end.error.empty());
  EXPECT_EQ(finish(*healthy).tokens.size(), 40u);
  EXPECT_EQ(run(engine, request({1, 2, 3}, 5)).end.reason, FinishReason::kLength);
  expect_empty(engine);
}

TEST(Engine, RefusesBeyondItsQueueAndAfterDrain) {
  TinyModel model;
  EngineConfig small = for_endless_answers();
  small.max_sequences = 1;
  small.max_requests = 3;
  Engine engine(model.decoder(), small);
  auto running = *engine.submit(request({1, 2}, kEndless));
  std::vector<std::unique_ptr<GenerationHandle>> waiting;
  for (int i = 0; i < 2; ++i) waiting.push_back(*engine.submit(request({1, 2}, 100)));
  const auto refused = engine.submit(request({1}, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::kOverloaded);
  running->cancel();
  engine.drain();
  EXPECT_EQ(finish(*running).end.reason, FinishReason::kCancelled);
  for (auto& handle : waiting) {
    const Answer answer = finish(*handle);
    EXPECT_EQ(answer.end.reason, FinishReason::kLength);
    EXPECT_EQ(answer.tokens.size(), 100u);
  }
  EXPECT_EQ(engine.submit(request({1}, 1)).error().fault, Fault::kOverloaded);
}

TEST(Engine, EndsWhatRunsWhenItIsDestroyed) {
  TinyModel model;
  std::vector<std::unique_ptr<GenerationHandle>> handles;
  {
    Engine engine(model.decoder(), config());
    for (int i = 0; i < 20; ++i) handles.push_back(*engine.submit(request({1, 2}, 250)));
  }
  for (auto& handle : handles) {
    const FinishReason reason = finish(*handle).end.reason;
    EXPECT_TRUE(reason == FinishReason::kCancelled || reason == FinishReason::kLength);
  }
}

TEST(Engine, WakesItsClientForEveryUpdate) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  auto handle = *engine.submit(request({6}, 50));
  std::atomic<int> wakes = 0;
  std::vector<std::int32_t> ids;
  std::atomic<bool> ended = false;
  handle->on_update([&] {
    ++wakes;
    wakes.notify_one();
  });
  int seen = 0;
  while (!ended) {
    wakes.wait(seen);
    seen = wakes;
    GenerationUpdate update = handle->take();
    for (const TokenEvent& token : update.tokens) ids.push_back(token.id);
    if (update.end) ended = true;
  }
  EXPECT_EQ(ids.size(), 50u);
  EXPECT_FALSE(handle->take().end);  // taken once
  EXPECT_EQ(run(engine, request({6}, 50)).ids(), ids);
}

TEST(Engine, ParksWhenIdle) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  run(engine, request({1}, 3));
  std::this_thread::sleep_for(100ms);  // the pool's threads stop spinning
  const auto cpu_us = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
  };
  const auto before = cpu_us();
  const std::int64_t steps = engine.stats().steps;
  std::this_thread::sleep_for(200ms);
  EXPECT_LT(cpu_us() - before, 20'000);
  EXPECT_EQ(engine.stats().steps, steps);
}

// Many clients submit, read, cancel and leave at random. Whatever was read is a prefix of the run alone, and
// in the end every block is free.
TEST(Engine, ManyClientsAtRandom) {
  TinyModel model;
  constexpr int kKinds = 6, kClients = 8, kRounds = 12;
  std::mt19937 random(3);
  std::vector<GenerationRequest> kinds;
  std::vector<std::vector<std::int32_t>> expected;
  {
    Engine engine(model.decoder(), config());
    for (int i = 0; i < kKinds; ++i) {
      kinds.push_back(request(random_prompt(random, 1 + random() % 90), 20 + random() % 30));
      kinds.back().tenant = i % 3;
      expected.push_back(run(engine, kinds.back()).ids());
    }
  }
  Engine engine(model.decoder(), config());
  std::atomic<std::int64_t> completed = 0;
  {
    std::vector<std::jthread> clients;
    for (int client = 0; client < kClients; ++client) {
      clients.emplace_back([&, client] {
        std::mt19937 dice(client + 100);
        for (int round = 0; round < kRounds; ++round) {
          const int kind = static_cast<int>(dice() % kKinds);
          auto handle = engine.submit(kinds[kind]);
          if (!handle) continue;
          std::atomic<int> wakes = 0;
          if (dice() % 2 == 0) (*handle)->on_update([&wakes] { ++wakes; });
          const auto leave_after = dice() % 60;
          const bool cancels = dice() % 2 == 0;
          std::vector<std::int32_t> ids;
          bool ended = false;
          while (!ended && ids.size() < leave_after) {
            GenerationUpdate update = (*handle)->wait();
            for (const TokenEvent& token : update.tokens) ids.push_back(token.id);
            ended = update.end.has_value();
          }
          if (!ended && cancels) {
            (*handle)->cancel();
            const Answer rest = finish(**handle);
            for (const std::int32_t id : rest.ids()) ids.push_back(id);
            ended = rest.end.reason == FinishReason::kLength;
          }
          ASSERT_LE(ids.size(), expected[kind].size());
          ASSERT_TRUE(std::equal(ids.begin(), ids.end(), expected[kind].begin()));
          if (ended) ++completed;
          handle->reset();
        }
      });
    }
  }
  engine.drain();
  expect_empty(engine);
  EXPECT_GT(completed.load(), 0);
  EXPECT_EQ(engine.stats().finished, kClients * kRounds);
}

}  // namespace
}  // namespace atelier::engine
