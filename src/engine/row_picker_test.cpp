#include "engine/row_picker.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "engine/engine_for_tests.h"

namespace atelier::engine {
namespace {

constexpr std::int32_t kVocabulary = 1000;
constexpr std::size_t kRow = 1024;  // with padding

std::vector<float> random_rows(std::mt19937& random, std::size_t rows) {
  std::normal_distribution<float> normal(0.0f, 3.0f);
  std::vector<float> logits(rows * kRow);
  for (float& logit : logits) logit = normal(random);
  return logits;
}

// One of each way to choose, over and over.
sample::SamplingOptions options_of(int sequence) {
  sample::SamplingOptions options;
  options.seed = static_cast<std::uint64_t>(sequence);
  options.temperature = sequence % 5 == 0 ? 0.0f : 0.8f;
  if (sequence % 5 == 1) options.top_k = 20;
  if (sequence % 5 == 2) options.top_p = 0.9f;
  if (sequence % 5 == 3) options.min_p = 0.05f;
  if (sequence % 3 == 0) options.repetition_penalty = 1.2f;
  if (sequence % 2 == 0) options.logprobs = 4;
  return options;
}

void expect_same(const sample::Choice& a, const sample::Choice& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.logprob, b.logprob);
  EXPECT_EQ(a.rank, b.rank);
  ASSERT_EQ(a.top.size(), b.top.size());
  for (std::size_t k = 0; k < a.top.size(); ++k) {
    EXPECT_EQ(a.top[k].id, b.top[k].id);
    EXPECT_EQ(a.top[k].logprob, b.top[k].logprob);
  }
}

TEST(RowPicker, ChoosesAsEachSamplerWouldAlone) {
  constexpr int kSequences = 37, kSteps = 12;
  std::mt19937 random(7);
  ThreadPool pool(4);
  RowPicker picker(pool);
  const std::vector<std::int32_t> prompt = {3, 1, 4};
  std::vector<sample::Sampler> together, alone;
  for (int i = 0; i < kSequences; ++i) {
    together.emplace_back(options_of(i), prompt, kVocabulary);
    alone.emplace_back(options_of(i), prompt, kVocabulary);
  }
  for (int step = 0; step < kSteps; ++step) {
    const std::vector<float> logits = random_rows(random, kSequences);
    std::vector<SequenceRows> rows;
    for (std::size_t i = 0; i < kSequences; ++i)
      rows.push_back({&together[i], std::span(logits).subspan(i * kRow, kRow), {}});
    const std::vector<Choices> chosen = picker.pick(rows);
    ASSERT_EQ(chosen.size(), rows.size());
    sample::SamplerScratch scratch;
    for (std::size_t i = 0; i < kSequences; ++i) {
      ASSERT_EQ(chosen[i].size(), 1u);
      ASSERT_TRUE(chosen[i][0]);
      expect_same(*chosen[i][0], *alone[i].pick(rows[i].logits, scratch));
    }
  }
}

TEST(RowPicker, GoesOnAsFarAsTheGuessesHold) {
  std::mt19937 random(8);
  ThreadPool pool(3);
  RowPicker picker(pool);
  const std::vector<float> logits = random_rows(random, 4);
  sample::SamplingOptions greedy;
  greedy.temperature = 0;
  std::vector<std::int32_t> best;
  sample::SamplerScratch scratch;
  for (std::size_t row = 0; row < 4; ++row) {
    sample::Sampler sampler(greedy, {}, kVocabulary);
    best.push_back(sampler.pick(std::span(logits).subspan(row * kRow, kRow), scratch)->id);
  }
  const std::vector<std::int32_t> all(best.begin(), best.begin() + 3);
  const std::vector<std::int32_t> two = {best[0], best[1], (best[2] + 1) % kVocabulary};
  const std::vector<std::int32_t> none = {(best[0] + 1) % kVocabulary, best[1], best[2]};
  std::vector<sample::Sampler> samplers(3, sample::Sampler(greedy, {}, kVocabulary));
  const std::vector<Choices> chosen = picker.pick(std::vector<SequenceRows>{
      {&samplers[0], logits, all}, {&samplers[1], logits, two}, {&samplers[2], logits, none}});
  const std::vector<std::size_t> lengths = {4, 3, 1};
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    ASSERT_EQ(chosen[i].size(), lengths[i]) << i;
    for (std::size_t row = 0; row < chosen[i].size(); ++row) EXPECT_EQ(chosen[i][row]->id, best[row]) << i;
  }
}

TEST(RowPicker, AFailureIsItsOwnSequences) {
  std::mt19937 random(9);
  ThreadPool pool(4);
  RowPicker picker(pool);
  std::vector<float> logits = random_rows(random, 6);
  logits[2 * kRow + 5] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::int32_t> guessed = {1, 2};
  std::vector<sample::Sampler> samplers(4, sample::Sampler(options_of(1), {}, kVocabulary));
  std::vector<SequenceRows> rows;
  for (std::size_t i = 0; i < 3; ++i)
    rows.push_back({&samplers[i], std::span(logits).subspan(i * kRow, kRow), {}});
  rows.push_back({&samplers[3], std::span(logits).subspan(3 * kRow), guessed});
  const std::vector<Choices> chosen = picker.pick(rows);
  for (const std::size_t i : {0, 1, 3}) EXPECT_TRUE(chosen[i][0]) << i;
  ASSERT_FALSE(chosen[2][0]);
  EXPECT_EQ(chosen[2][0].error().fault, Fault::kInternal);
  EXPECT_TRUE(picker.pick({}).empty());
}

// The whole way: generations of every kind of sampling in one batch of a decoder with several threads give
// bit for bit what each gives alone on one thread.
TEST(RowPicker, SequencesOfABatchChooseAsAlone) {
  std::mt19937 random(10);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 30; ++i) {
    requests.push_back(request(random_prompt(random, 1 + random() % 40), 10 + random() % 30));
    requests.back().sampling = options_of(i);
  }
  std::vector<Answer> alone;
  {
    TinyModel model(1);
    Engine engine(model.decoder(), config());
    for (const GenerationRequest& one : requests) alone.push_back(run(engine, one));
  }
  TinyModel model(4);
  Engine engine(model.decoder(), config());
  std::vector<std::unique_ptr<GenerationHandle>> handles;
  for (const GenerationRequest& one : requests) handles.push_back(*engine.submit(one));
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const Answer answer = finish(*handles[i]);
    EXPECT_EQ(answer.end.reason, alone[i].end.reason) << i;
    ASSERT_EQ(answer.ids(), alone[i].ids()) << i;
    for (std::size_t t = 0; t < answer.tokens.size(); ++t) {
      const TokenEvent &a = answer.tokens[t], &b = alone[i].tokens[t];
      ASSERT_EQ(a.logprob, b.logprob) << i << " token " << t;
      ASSERT_EQ(a.top.size(), b.top.size());
      for (std::size_t k = 0; k < a.top.size(); ++k) ASSERT_EQ(a.top[k].logprob, b.top[k].logprob);
    }
  }
  expect_empty(engine);
}

}  // namespace
}  // namespace atelier::engine
