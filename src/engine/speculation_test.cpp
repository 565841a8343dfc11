#include "engine/speculation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine_for_tests.h"
#include "engine/model_drafter.h"
#include "engine/ngram_drafter.h"

namespace atelier::engine {
namespace {

using testing::ElementsAre;

std::vector<std::int32_t> guess(NgramDrafter& drafter, const std::vector<std::int32_t>& known,
                                std::int64_t most) {
  Draft draft{.id = schedule::SequenceId{1}, .known = known, .most = most};
  drafter.draft({&draft, 1});
  return draft.tokens;
}

TEST(NgramDrafter, GuessesWhatFollowedTheLongestMatch) {
  NgramDrafter drafter(2, 3);
  EXPECT_THAT(guess(drafter, {1, 2, 3, 4, 5, 9, 2, 3}, 2), ElementsAre(4, 5));
  EXPECT_THAT(guess(drafter, {1, 2, 3, 4, 5, 9, 2, 3, 7, 1, 2, 3}, 5), ElementsAre(4, 5, 9, 2, 3));
  EXPECT_THAT(guess(drafter, {1, 2, 3, 4, 5, 9, 2, 3, 7, 1, 2, 3, 8}, 5), ElementsAre());
}

TEST(NgramDrafter, OfEqualMatchesTheLatestCounts) {
  NgramDrafter drafter(2, 4);
  EXPECT_THAT(guess(drafter, {5, 6, 1, 5, 6, 2, 5, 6}, 1), ElementsAre(2));
  drafter.forget(schedule::SequenceId{1});
  EXPECT_THAT(guess(drafter, {5, 6}, 1), ElementsAre());
}

TEST(NgramDrafter, ARunRepeatsItself) {
  NgramDrafter drafter(1, 4);
  EXPECT_THAT(guess(drafter, {3, 3, 3}, 4), ElementsAre(3));
}

TEST(StepTimes, DrawALine) {
  StepTimes times;
  EXPECT_EQ(times.at(5), 0);
  for (int i = 0; i < 50; ++i) times.learn(1 + i % 4, 0.010 + 0.002 * (1 + i % 4));
  EXPECT_NEAR(times.at(1), 0.012, 1e-4);
  EXPECT_NEAR(times.at(8), 0.026, 1e-3);
}

// May say anything for hundreds of tokens.
TinyModel healthy(unsigned seed = 1) {
  return TinyModel(2, seed, false);
}

// What comes out is what comes out without guessing, to the bit: greedy and drawn, alone and in company.
void expect_exact(std::unique_ptr<Drafter> drafter, EngineConfig engine_config, bool guesses_hold) {
  TinyModel model = healthy();
  std::mt19937 random(12);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 6; ++i) {
    auto prompt = random_prompt(random, 24);
    const auto again = prompt;
    prompt.insert(prompt.end(), again.begin(), again.end());  // something to look up
    requests.push_back(request(prompt, 60));
    requests.back().sampling.logprobs = 1;
    if (i % 2 == 1) {
      requests.back().sampling.temperature = 0.7f;
      requests.back().sampling.repetition_penalty = 1.1f;
      requests.back().sampling.seed = 5;
    }
  }
  std::vector<Answer> plain;
  {
    Engine engine(model.decoder(), config());
    for (const GenerationRequest& request : requests) plain.push_back(run(engine, request));
  }
  GenerationRequest stopping = requests[0];
  stopping.stop_ids = {plain[0].tokens[30].id};
  Engine engine(model.decoder(), engine_config, std::move(drafter));
  const Answer stopped = run(engine, stopping);
  EXPECT_EQ(stopped.end.reason, FinishReason::kStop);
  std::vector<std::unique_ptr<GenerationHandle>> handles;
  for (const GenerationRequest& request : requests) handles.push_back(*engine.submit(request));
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const Answer answer = finish(*handles[i]);
    ASSERT_EQ(answer.ids(), plain[i].ids()) << i;
    for (std::size_t t = 0; t < answer.tokens.size(); ++t)
      ASSERT_EQ(answer.tokens[t].logprob, plain[i].tokens[t].logprob);
    EXPECT_EQ(answer.end.reason, plain[i].end.reason);
  }
  expect_empty(engine);
  const SpeculationCounts counts = engine.stats().speculation;
  EXPECT_GT(counts.drafts, 0);
  EXPECT_LE(counts.accepted_tokens, counts.draft_tokens);
  if (guesses_hold) {
    EXPECT_GT(counts.accepted_tokens, 0);
    EXPECT_EQ(counts.accepted_at[0] >= counts.accepted_at[1], true);
  }
}

TEST(Speculation, PromptLookupIsExact) {
  expect_exact(std::make_unique<NgramDrafter>(1, 3), config(), false);
}

TEST(Speculation, ADraftModelIsExactHoweverWellItGuesses) {
  TinyModel same = healthy(), other = healthy(99);
  const auto drafter = [](TinyModel& model) {
    return std::make_unique<ModelDrafter>(model.decoder(), 64, TinyModel::kVocabulary);
  };
  expect_exact(drafter(same), config(), true);
  expect_exact(drafter(other), config(), false);
}

TEST(Speculation, InAPoolThatIsTooSmallToo) {
  TinyModel same = healthy();
  EngineConfig narrow = config();
  narrow.kv_blocks = 9;
  expect_exact(std::make_unique<ModelDrafter>(same.decoder(), 7, TinyModel::kVocabulary), narrow, true);
}

TEST(Speculation, AModelThatAgreesIsBelieved) {
  TinyModel model = healthy(), same = healthy();
  Engine engine(model.decoder(), config(),
                std::make_unique<ModelDrafter>(same.decoder(), 64, TinyModel::kVocabulary));
  EXPECT_EQ(run(engine, request({1, 2, 3}, 200)).tokens.size(), 200u);
  const SpeculationCounts counts = engine.stats().speculation;
  EXPECT_EQ(counts.accepted_tokens, counts.draft_tokens);  // the last draft is cut to what may still come
  EXPECT_EQ(engine.stats().generated_tokens, 200);
}

// Guesses that never hold stop being made, but for a try now and then.
class WrongDrafter final : public Drafter {
 public:
  void draft(std::span<Draft> drafts) override {
    for (Draft& draft : drafts) draft.tokens.assign(static_cast<std::size_t>(draft.most), 0);
  }
  void forget(schedule::SequenceId) override {}
};

class BrokenDrafter final : public Drafter {
 public:
  void draft(std::span<Draft>) override { throw std::bad_alloc(); }
  void forget(schedule::SequenceId) override {}
};

TEST(Speculation, ADrafterThatFailsCostsNoAnswer) {
  TinyModel model = healthy();
  std::vector<std::int32_t> plain;
  {
    Engine engine(model.decoder(), config());
    plain = run(engine, request({4, 5}, 50)).ids();
  }
  Engine engine(model.decoder(), config(), std::make_unique<BrokenDrafter>());
  EXPECT_EQ(run(engine, request({4, 5}, 50)).ids(), plain);
  EXPECT_EQ(engine.stats().speculation.drafts, 0);
}

TEST(Speculation, BadGuessesAreGivenUp) {
  TinyModel model = healthy();
  EngineConfig wide = config();
  wide.max_model_len = 1000;
  wide.kv_blocks = 60;
  Engine engine(model.decoder(), wide, std::make_unique<WrongDrafter>());
  GenerationRequest one = request({4, 5}, 900);
  const Answer answer = run(engine, one);
  ASSERT_EQ(answer.tokens.size(), 900u);
  EXPECT_LT(engine.stats().speculation.drafts, 300);
}

}  // namespace
}  // namespace atelier::engine
