#include "engine/beams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "engine/tiny_model.h"

namespace atelier::engine {
namespace {

using Ids = std::vector<std::int32_t>;

EngineConfig config() {
  return {.max_sequences = 8,
          .max_model_len = 128,
          .max_batch_tokens = 64,
          .kv_blocks = 40,
          .max_requests = 64,
          .vocabulary = TinyModel::kVocabulary};
}

GenerationRequest request(Ids prompt, std::int64_t max_tokens) {
  GenerationRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling.temperature = 0.9f;  // means nothing to beams
  return request;
}

struct Answer {
  Ids ids;
  double logprob = 0;
  GenerationEnd end;
};

Answer wait_for(GenerationHandle& handle) {
  Answer answer;
  while (true) {
    const GenerationUpdate update = handle.wait();
    for (const TokenEvent& token : update.tokens) {
      answer.ids.push_back(token.id);
      answer.logprob += token.logprob;
    }
    if (!update.end) continue;
    answer.end = *update.end;
    return answer;
  }
}

// The k likeliest tokens after `ids`, by a generation of its own.
std::vector<sample::TokenLogprob> next_of(Engine& engine, const Ids& ids, int k) {
  GenerationRequest one = request(ids, 1);
  one.sampling.temperature = 0;
  one.sampling.logprobs = k;
  auto handle = engine.submit(std::move(one));
  while (true) {
    GenerationUpdate update = (*handle)->wait();
    if (!update.tokens.empty()) return update.tokens.front().top;
  }
}

// The likeliest of all answers of two tokens, by trying every first one. Its first token is likelier than the
// whole of it is, so that beams of width 16 cannot have passed it over.
TEST(Beams, FindTheLikeliestAnswer) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  const Ids prompt = {5, 9, 2};
  struct Pair {
    Ids ids;
    double logprob;
  };
  std::vector<Pair> all;
  for (const auto& first : next_of(engine, prompt, TinyModel::kPoison)) {
    if (first.id == TinyModel::kPoison) continue;
    Ids longer = prompt;
    longer.push_back(first.id);
    const auto second = next_of(engine, longer, 1).front();
    all.push_back({{first.id, second.id}, double{first.logprob} + second.logprob});
  }
  const auto best = std::ranges::max_element(all, {}, &Pair::logprob);
  ASSERT_GT(std::exp(best->logprob), 1.0 / 16);
  auto handles = submit_beams(engine, request(prompt, 2), {.width = 16});
  ASSERT_TRUE(handles) << handles.error().message;
  ASSERT_EQ(handles->size(), 16u);
  const Answer found = wait_for(*handles->front());
  EXPECT_EQ(found.ids, best->ids);
  EXPECT_NEAR(found.logprob, best->logprob, 1e-4);
  EXPECT_EQ(found.end.reason, FinishReason::kLength);
  double before = found.logprob;
  for (auto& handle : std::span(*handles).subspan(1)) {
    const Answer next = wait_for(*handle);
    EXPECT_LE(next.logprob, before);
    before = next.logprob;
  }
}

TEST(Beams, EndWithTheirStopIdAndTheirTrueReason) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  const Ids prompt = {5, 9, 2};
  const std::int32_t likeliest = next_of(engine, prompt, 1).front().id;
  GenerationRequest wanted = request(prompt, 6);
  wanted.stop_ids = {likeliest};
  wanted.sampling.logprobs = 2;
  auto handles = submit_beams(engine, std::move(wanted), {.width = 3, .length_penalty = 0});
  ASSERT_TRUE(handles);
  bool stopped = false;
  for (auto& handle : *handles) {
    const Answer answer = wait_for(*handle);
    EXPECT_EQ(std::ranges::count(answer.ids, likeliest), 0);
    if (answer.end.reason == FinishReason::kStop) {
      stopped = true;
      EXPECT_EQ(answer.end.stop_id, likeliest);
    } else {
      EXPECT_EQ(answer.ids.size(), 6u);
    }
  }
  EXPECT_TRUE(stopped);
}

TEST(Beams, GoOnWhenAskedForNewsAndRingWhenThereIsAny) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  auto handles = submit_beams(engine, request({1, 2, 3}, 5), {.width = 2});
  ASSERT_TRUE(handles);
  std::atomic<int> rings = 0;
  for (auto& handle : *handles)
    handle->on_update([&] {
      ++rings;
      rings.notify_one();
    });
  std::vector<Ids> ids(2);
  std::vector<bool> ended(2);
  while (!ended[0] || !ended[1]) {
    const int seen = rings;
    for (std::size_t i = 0; i < 2; ++i) {
      const GenerationUpdate update = (*handles)[i]->take();
      for (const TokenEvent& token : update.tokens) ids[i].push_back(token.id);
      if (update.end) ended[i] = true;
    }
    if (!ended[0] || !ended[1]) rings.wait(seen);
  }
  EXPECT_EQ(ids[0].size(), 5u);
  EXPECT_EQ(ids[1].size(), 5u);
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_TRUE((*handles)[0]->take().tokens.empty());
}

TEST(Beams, FailTogetherAndLeaveNothingBehind) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  auto poisoned = submit_beams(engine, request({1, TinyModel::kPoison}, 5), {.width = 2});
  ASSERT_TRUE(poisoned);
  for (auto& handle : *poisoned) EXPECT_EQ(wait_for(*handle).end.reason, FinishReason::kFailed);
  auto cancelled = submit_beams(engine, request({1, 2}, 100), {.width = 2});
  (*cancelled)[1]->cancel();
  for (auto& handle : *cancelled) EXPECT_EQ(wait_for(*handle).end.reason, FinishReason::kCancelled);
  auto let_go = submit_beams(engine, request({1, 2}, 100), {.width = 2});
  let_go->clear();
  engine.drain();
  EXPECT_EQ(engine.stats().running + engine.stats().waiting, 0);
}

TEST(Beams, ARefusalIsToldAtOnce) {
  TinyModel model;
  Engine engine(model.decoder(), config());
  EXPECT_FALSE(submit_beams(engine, request({}, 5), {.width = 2}));
  const auto long_one = submit_beams(engine, request(Ids(128, 1), 5), {.width = 2});
  ASSERT_FALSE(long_one);
  EXPECT_EQ(long_one.error().fault, Fault::kTooLong);
  auto last = submit_beams(engine, request(Ids(125, 1), 50), {.width = 2});  // the context holds three more
  ASSERT_TRUE(last);
  EXPECT_EQ(wait_for(*last->front()).ids.size(), 3u);
}

}  // namespace
}  // namespace atelier::engine
