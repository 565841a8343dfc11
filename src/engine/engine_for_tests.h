// What the engine's tests share: a small engine, requests of it, and their answers. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/tiny_model.h"

namespace atelier::engine {

inline EngineConfig config(std::int64_t max_batch_tokens = 64) {
  return {.max_sequences = 8,
          .max_model_len = 256,
          .max_batch_tokens = max_batch_tokens,
          .kv_blocks = 40,
          .max_requests = 64,
          .vocabulary = TinyModel::kVocabulary};
}

// So long (seconds) that no slow machine ends an answer before it is let go.
inline constexpr std::int64_t kEndless = 50'000;

inline EngineConfig for_endless_answers() {
  EngineConfig wide = config();
  wide.max_model_len = kEndless + 10'000;
  wide.kv_blocks = 2'000;
  return wide;
}

inline GenerationRequest request(std::vector<std::int32_t> prompt, std::int64_t max_tokens) {
  GenerationRequest request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  return request;
}

inline std::vector<std::int32_t> random_prompt(std::mt19937& random, std::size_t length) {
  std::vector<std::int32_t> prompt(length);
  for (auto& id : prompt) id = static_cast<std::int32_t>(random() % TinyModel::kPoison);
  return prompt;
}

inline GenerationRequest with_logprobs(std::vector<std::int32_t> prompt, std::int64_t max_tokens) {
  GenerationRequest request = engine::request(std::move(prompt), max_tokens);
  request.sampling.logprobs = 2;
  return request;
}

// Eight of different lengths, 120 tokens of answer each.
inline std::vector<GenerationRequest> eight_requests() {
  std::mt19937 random(8);
  std::vector<GenerationRequest> requests;
  for (std::size_t i = 0; i < 8; ++i)
    requests.push_back(with_logprobs(random_prompt(random, 20 + i * 5), 120));
  return requests;
}

struct Answer {
  std::vector<sample::TokenScore> prompt;
  std::vector<TokenEvent> tokens;
  GenerationEnd end;
  std::vector<std::int32_t> ids() const {
    std::vector<std::int32_t> ids;
    for (const TokenEvent& token : tokens) ids.push_back(token.id);
    return ids;
  }
};

inline Answer finish(GenerationHandle& handle) {
  Answer answer;
  while (true) {
    GenerationUpdate update = handle.wait();
    EXPECT_TRUE(update.prompt.empty() || answer.tokens.empty()) << "scores come before tokens";
    std::ranges::move(update.prompt, std::back_inserter(answer.prompt));
    for (TokenEvent& token : update.tokens) answer.tokens.push_back(std::move(token));
    if (!update.end) continue;
    answer.end = *update.end;
    return answer;
  }
}

inline Answer run(Engine& engine, GenerationRequest request) {
  auto handle = engine.submit(std::move(request));
  EXPECT_TRUE(handle) << handle.error().message;
  return handle ? finish(**handle) : Answer{};
}

inline std::vector<Answer> answers_alone(TinyModel& model, const std::vector<GenerationRequest>& requests) {
  Engine engine(model.decoder(), config());
  std::vector<Answer> alone;
  for (const GenerationRequest& request : requests) alone.push_back(run(engine, request));
  return alone;
}

// Bits and all.
inline void expect_same(const Answer& got, const Answer& expected) {
  ASSERT_EQ(got.ids(), expected.ids());
  for (std::size_t i = 0; i < got.tokens.size(); ++i)
    ASSERT_EQ(got.tokens[i].logprob, expected.tokens[i].logprob);
}

// The stats once everything has ended (ends are told after the books are settled).
inline void expect_empty(const Engine& engine) {
  for (int i = 0; i < 2000 && engine.stats().blocks_used > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const EngineStats stats = engine.stats();
  EXPECT_EQ(stats.blocks_used, 0);
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.waiting, 0);
}

}  // namespace atelier::engine
