// Keys and values in int8: answers still do not depend on who else is there, on the prefix cache, nor on
// running out of memory.
#include <gtest/gtest.h>

#include "engine/engine_for_tests.h"

namespace atelier::engine {
namespace {

TinyModel int8_model() {
  return TinyModel(2, 20250726, true, 32, model::KvKind::kInt8);
}

TEST(Int8Kv, CompanyAndPreemptionAreNotSeenInAnswers) {
  TinyModel model = int8_model();
  const std::vector<GenerationRequest> requests = eight_requests();
  const std::vector<Answer> alone = answers_alone(model, requests);
  for (const std::int64_t blocks : {40, 10}) {  // room for all, and for two of the eight at full length
    EngineConfig narrow = config();
    narrow.kv_blocks = blocks;
    Engine engine(model.decoder(), narrow);
    std::vector<std::unique_ptr<GenerationHandle>> handles;
    for (const GenerationRequest& request : requests) handles.push_back(*engine.submit(request));
    for (std::size_t i = 0; i < handles.size(); ++i) expect_same(finish(*handles[i]), alone[i]);
    if (blocks == 10) {
      EXPECT_GT(engine.stats().preemptions, 0);
    }
    expect_empty(engine);
  }
}

TEST(Int8Kv, AKnownBeginningChangesNothing) {
  TinyModel model = int8_model();
  std::mt19937 random(5);
  const auto prompt = random_prompt(random, 150);
  Engine engine(model.decoder(), config());
  const Answer cold = run(engine, with_logprobs(prompt, 40)), warm = run(engine, with_logprobs(prompt, 40));
  EXPECT_EQ(warm.end.facts.cached_tokens, 128);
  expect_same(warm, cold);
}

// 2 layers of small random weights: 8 bits move a log-probability by little.
TEST(Int8Kv, ScoresStayNearThoseOfF16) {
  TinyModel int8 = int8_model();
  std::mt19937 random(9);
  const auto prompt = random_prompt(random, 100);
  const Answer in_int8 = [&] {
    Engine engine(int8.decoder(), config());
    return run(engine, with_logprobs(prompt, 1));
  }();
  TinyModel f16(2, 20250726, true, 32);
  Engine engine(f16.decoder(), config());
  const Answer in_f16 = run(engine, with_logprobs(prompt, 1));
  EXPECT_NEAR(in_int8.tokens[0].logprob, in_f16.tokens[0].logprob, 0.05);
  EXPECT_NE(in_int8.tokens[0].logprob, in_f16.tokens[0].logprob);
}

}  // namespace
}  // namespace atelier::engine
