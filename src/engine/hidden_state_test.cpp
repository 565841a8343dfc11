// Generations that want the hidden state behind their prompt instead of tokens.
#include <gtest/gtest.h>

#include "engine/engine_for_tests.h"

namespace atelier::engine {
namespace {

GenerationRequest state_of(std::vector<std::int32_t> prompt) {
  GenerationRequest wanted = request(std::move(prompt), 1);
  wanted.hidden_state = true;
  return wanted;
}

TEST(HiddenState, IsTheSameInAnyCompanyAndHoweverThePromptIsCut) {
  std::mt19937 random(1);
  const auto first = random_prompt(random, 100), second = random_prompt(random, 33);
  TinyModel model;
  std::vector<float> alone, other;
  {
    Engine engine(model.decoder(), config(512));
    const Answer answer = run(engine, state_of(first));
    EXPECT_EQ(answer.end.reason, FinishReason::kStop);
    EXPECT_TRUE(answer.tokens.empty());
    EXPECT_EQ(std::ssize(answer.end.hidden_state), model.decoder().config().hidden);
    alone = answer.end.hidden_state;
    other = run(engine, state_of(second)).end.hidden_state;
    EXPECT_NE(alone, other);
    EXPECT_EQ(run(engine, state_of(first)).end.hidden_state, alone);  // from the prefix cache
    expect_empty(engine);
  }
  Engine engine(model.decoder(), config(7));
  auto talk = engine.submit(request(second, 40)), one = engine.submit(state_of(first)),
       two = engine.submit(state_of(second));
  ASSERT_TRUE(talk && one && two);
  EXPECT_EQ(finish(**two).end.hidden_state, other);
  EXPECT_EQ(finish(**one).end.hidden_state, alone);
  EXPECT_EQ(finish(**talk).tokens.size(), 40u);
  EXPECT_EQ(run(engine, request(second, 1)).end.hidden_state, std::vector<float>());
}

}  // namespace
}  // namespace atelier::engine
