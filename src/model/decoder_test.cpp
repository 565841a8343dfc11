// What the decoder promises about company: results do not depend, to the bit, on what else is in the batch,
// how a prompt is cut, how many threads work, or which instruction set computes.
#include "model/decoder.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "model/model_for_tests.h"

namespace atelier::model {
namespace {

using kernels::Compute;
using kernels::TokenRole;

// The committed model, and those beside the checkout that are there.
std::vector<std::filesystem::path> models() {
  std::vector<std::filesystem::path> out;
  for (const char* name : {"model/qwen2-Q5_0.gguf", "golden/tiny/gguf/qwen2-Q4_0.gguf",
                           "golden/tiny/gguf/qwen2-Q4_1.gguf", "golden/tiny/gguf/qwen2-Q5_1.gguf",
                           "golden/tiny/gguf/llama3-Q8_0.gguf", "golden/tiny/gguf/qwen2-BF16.gguf"})
    if (const auto path = test_data(name)) out.push_back(*path);
  return out;
}

const kernels::Ops& best_table() {
  return *kernels::available_tables().back();
}

std::vector<std::int32_t> random_tokens(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> out;
  for (std::int64_t i = 0; i < count; ++i) out.push_back(static_cast<std::int32_t>(random() % 1000));
  return out;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Logits behind every token, the prompt given `step` tokens at a time.
std::vector<float> all_logits(const ModelForTests& model, const kernels::Ops& ops, Compute compute,
                              ThreadPool& pool, std::span<const std::int32_t> tokens, std::size_t step,
                              TokenRole role = TokenRole::kPrompt) {
  DecoderForTests decoder(model, ops, compute, pool, 64);
  SequenceForTests sequence;
  std::vector<float> out;
  for (std::size_t begin = 0; begin < tokens.size(); begin += step) {
    const auto part = tokens.subspan(begin, std::min(step, tokens.size() - begin));
    const std::vector<float> logits = decoder.feed(sequence, part, LogitsWanted::kAll, role);
    out.insert(out.end(), logits.begin(), logits.end());
  }
  return out;
}

TEST(Decoder, CuttingAPromptChangesNoBit) {
  ThreadPool pool(2);
  for (const auto& path : models()) {
    const auto model = load_for_tests(path, pool);
    const auto tokens = random_tokens(77, 1);
    for (const Compute compute : {Compute::kAuto, Compute::kF32, Compute::kBF16}) {
      const auto whole = all_logits(*model, best_table(), compute, pool, tokens, tokens.size());
      for (const std::size_t step : {1, 2, 3, 5, 16, 31, 33, 64})
        EXPECT_TRUE(same_bits(all_logits(*model, best_table(), compute, pool, tokens, step), whole))
            << path << ", " << step << " at a time, compute " << static_cast<int>(compute);
      const auto generated =
          all_logits(*model, best_table(), compute, pool, tokens, tokens.size(), TokenRole::kGenerated);
      for (const std::size_t step : {1, 9, 40})
        EXPECT_TRUE(same_bits(
            all_logits(*model, best_table(), compute, pool, tokens, step, TokenRole::kGenerated), generated))
            << path << ", generated " << step << " at a time, compute " << static_cast<int>(compute);
    }
  }
}

TEST(Decoder, PromptsLongerThanAChunkGoThroughInPieces) {
  ThreadPool pool(2);
  const auto model = load_for_tests(models().front(), pool);
  const auto tokens = random_tokens(700, 2);
  const auto whole = all_logits(*model, best_table(), Compute::kAuto, pool, tokens, tokens.size());
  EXPECT_EQ(whole.size(), 700 * static_cast<std::size_t>(model->config.vocab_rows));
  EXPECT_TRUE(same_bits(all_logits(*model, best_table(), Compute::kAuto, pool, tokens, 100), whole));
}

// Beyond 512 keys few rows' pasts are split over the threads.
TEST(Decoder, PastsSplitOverThreadsGiveTheSameBits) {
  ThreadPool one(1), three(3);
  const auto model = load_for_tests(models().front(), one);
  const auto tokens = random_tokens(600, 4);
  const auto whole = all_logits(*model, best_table(), Compute::kAuto, one, tokens, tokens.size());
  for (const std::size_t step : {1, 20})
    EXPECT_TRUE(same_bits(all_logits(*model, best_table(), Compute::kAuto, three, tokens, step), whole));
}

TEST(Decoder, NeighboursChangeNoBit) {
  ThreadPool pool(2);
  for (const auto& path : models()) {
    const auto model = load_for_tests(path, pool);
    DecoderForTests alone(*model, best_table(), Compute::kAuto, pool, 128);
    DecoderForTests together(*model, best_table(), Compute::kAuto, pool, 128);
    constexpr int kSequences = 9;
    std::vector<SequenceForTests> single(kSequences), joined(kSequences);
    // Round by round each sequence gets a prompt part or one token, and asks for different rows.
    for (int round = 0; round < 6; ++round) {
      std::vector<std::vector<std::int32_t>> tokens;
      std::vector<float> want;
      std::vector<BatchSequence> batch;
      for (int i = 0; i < kSequences; ++i)
        tokens.push_back(
            random_tokens((i + round) % 3 == 0 ? 11 + i : 1, static_cast<unsigned>(100 * round + i)));
      for (std::size_t i = 0; i < kSequences; ++i) {
        const auto wanted = static_cast<LogitsWanted>((i + static_cast<std::size_t>(round) / 2) % 3);
        const auto role =
            (i + static_cast<std::size_t>(round)) % 4 < 2 ? TokenRole::kPrompt : TokenRole::kGenerated;
        const std::vector<float> logits = alone.feed(single[i], tokens[i], wanted, role);
        want.insert(want.end(), logits.begin(), logits.end());
        batch.push_back(together.extend(joined[i], tokens[i], wanted, role));
      }
      EXPECT_TRUE(same_bits(together.forward(batch), want)) << path << ", round " << round;
    }
  }
}

// Throughput mode: prompts and generated rows go through one chunk, and still know nothing of each other.
TEST(Decoder, NeighboursChangeNoBitWhereGeneratedRowsAreMultipliedAsPrompts) {
  ThreadPool pool(2);
  const auto model = load_for_tests(models().front(), pool);
  const auto prompt = random_tokens(45, 10), other = random_tokens(60, 11), next = random_tokens(1, 12);
  DecoderForTests alone(*model, best_table(), Compute::kAuto, pool, 64, TokenRole::kPrompt);
  DecoderForTests together(*model, best_table(), Compute::kAuto, pool, 64, TokenRole::kPrompt);
  SequenceForTests a, b, joined_a, joined_b;
  alone.feed(a, prompt);
  together.feed(joined_a, prompt);
  std::vector<float> want = alone.feed(a, next, LogitsWanted::kLast, TokenRole::kGenerated);
  const std::vector<float> of_other = alone.feed(b, other);
  want.insert(want.end(), of_other.begin(), of_other.end());
  const std::vector<BatchSequence> batch = {
      together.extend(joined_a, next, LogitsWanted::kLast, TokenRole::kGenerated),
      together.extend(joined_b, other, LogitsWanted::kLast)};
  EXPECT_TRUE(same_bits(together.forward(batch), want));
}

// A sequence beyond the declared context is turned as a model is that declares YaRN; its neighbours are not.
TEST(Decoder, OnlyLongSequencesAreTurnedByYarn) {
  ThreadPool pool(2);
  const auto model = load_for_tests(models().front(), pool);
  auto stretched = load_for_tests(models().front(), pool), declared = load_for_tests(models().front(), pool);
  ASSERT_TRUE(extend_context(stretched->config, 2 * model->config.max_context));
  declared->config.rope = stretched->config.long_rope;
  const auto prompt = random_tokens(45, 20), next = random_tokens(1, 21);
  DecoderForTests plain(*model, best_table(), Compute::kAuto, pool, 64);
  DecoderForTests yarn(*declared, best_table(), Compute::kAuto, pool, 64);
  DecoderForTests both(*stretched, best_table(), Compute::kAuto, pool, 64);
  SequenceForTests short_alone, long_alone, short_one, long_one;
  std::vector<float> want = plain.feed(short_alone, prompt);
  const std::vector<float> of_long = yarn.feed(long_alone, prompt);
  EXPECT_FALSE(same_bits(want, of_long));
  want.insert(want.end(), of_long.begin(), of_long.end());
  std::vector<BatchSequence> batch = {both.extend(short_one, prompt, LogitsWanted::kLast),
                                      both.extend(long_one, prompt, LogitsWanted::kLast)};
  batch[1].long_rope = true;
  EXPECT_TRUE(same_bits(both.forward(batch), want));
}

// What a preempted sequence needs: its prompt and what it had generated, in one batch.
TEST(Decoder, AnswerRecomputedBehindItsPromptIsTheSame) {
  ThreadPool pool(2);
  const auto model = load_for_tests(models().front(), pool);
  const auto prompt = random_tokens(37, 8), answer = random_tokens(21, 9);
  DecoderForTests decoder(*model, best_table(), Compute::kAuto, pool, 64);
  SequenceForTests first, again;
  std::vector<float> want = decoder.feed(first, prompt);
  for (const std::int32_t& token : answer)
    want = decoder.feed(first, {&token, 1}, LogitsWanted::kLast, TokenRole::kGenerated);
  again.blocks.reserve(8);  // both parts look at one table
  const std::vector<BatchSequence> batch = {
      decoder.extend(again, prompt, LogitsWanted::kNone),
      decoder.extend(again, answer, LogitsWanted::kLast, TokenRole::kGenerated)};
  EXPECT_TRUE(same_bits(decoder.forward(batch), want));
}

TEST(Decoder, AskingForFewerLogitsChangesNoneOfThem) {
  ThreadPool pool(2);
  const auto model = load_for_tests(models().front(), pool);
  const auto tokens = random_tokens(40, 3);
  DecoderForTests decoder(*model, best_table(), Compute::kAuto, pool, 64);
  SequenceForTests all, last, none;
  const auto every = decoder.feed(all, tokens, LogitsWanted::kAll);
  const std::size_t row = static_cast<std::size_t>(model->config.vocab_rows);
  EXPECT_TRUE(same_bits(decoder.feed(last, tokens), std::span(every).last(row)));
  EXPECT_TRUE(decoder.feed(none, tokens, LogitsWanted::kNone).empty());
  // The keys and values they left are the same, too.
  const auto next = random_tokens(1, 4);
  const auto after = decoder.feed(all, next);
  EXPECT_TRUE(same_bits(decoder.feed(last, next), after));
  EXPECT_TRUE(same_bits(decoder.feed(none, next), after));
}

// The product of the hidden state with the output matrix, in double precision, beside the decoder's own row.
TEST(Decoder, AHiddenStateIsWhatTheLogitsAreMadeOf) {
  ThreadPool pool(2);
  for (const auto& path : models()) {
    const auto model = load_for_tests(path, pool);
    const auto tokens = random_tokens(40, 30);
    DecoderForTests decoder(*model, best_table(), Compute::kF32, pool, 64);
    SequenceForTests first, second;
    const auto logits = decoder.feed(first, tokens);
    EXPECT_TRUE(decoder.hidden_states().empty());
    EXPECT_TRUE(decoder.feed(second, tokens, LogitsWanted::kHidden).empty());
    const auto state = decoder.hidden_states();
    const auto hidden = static_cast<std::size_t>(model->config.hidden);
    ASSERT_EQ(state.size(), hidden);
    std::vector<float> row(hidden);
    for (const std::size_t token : {std::size_t{0}, std::size_t{7}, std::size_t{999}}) {
      kernels::unpack_row(model->weights.output(), static_cast<std::int32_t>(token), row.data());
      double product = 0, magnitude = 0;
      for (std::size_t i = 0; i < hidden; ++i) {
        product += static_cast<double>(state[i]) * row[i];
        magnitude += std::fabs(static_cast<double>(state[i]) * row[i]);
      }
      // a float sum of k products, in any order, is off by k eps sum |a b| at most
      const double bound = static_cast<double>(hidden) * std::numeric_limits<float>::epsilon() * magnitude;
      EXPECT_NEAR(logits[token], product, bound) << path << ", token " << token;
    }
  }
}

TEST(Decoder, HiddenStatesAndLogitsShareABatch) {
  ThreadPool pool(2);
  const auto model = load_for_tests(models().front(), pool);
  const auto one = random_tokens(37, 31), two = random_tokens(600, 32), three = random_tokens(5, 33);
  DecoderForTests decoder(*model, best_table(), Compute::kAuto, pool, 512);
  SequenceForTests alone[4];
  (void)decoder.feed(alone[0], one, LogitsWanted::kHidden);
  std::vector<float> states = decoder.hidden_states();
  const auto logits = decoder.feed(alone[1], three, LogitsWanted::kAll);
  (void)decoder.feed(alone[2], two, LogitsWanted::kHidden);
  const auto more = decoder.hidden_states();
  states.insert(states.end(), more.begin(), more.end());
  SequenceForTests joined[4];
  const std::vector<BatchSequence> batch = {decoder.extend(joined[0], one, LogitsWanted::kHidden),
                                            decoder.extend(joined[1], three, LogitsWanted::kAll),
                                            decoder.extend(joined[2], two, LogitsWanted::kHidden),
                                            decoder.extend(joined[3], one, LogitsWanted::kNone)};
  EXPECT_TRUE(same_bits(decoder.forward(batch), logits));
  EXPECT_TRUE(same_bits(decoder.hidden_states(), states));
}

TEST(Decoder, ThreadsChangeNoBit) {
  ThreadPool one(1);
  for (const auto& path : models()) {
    const auto model = load_for_tests(path, one);
    const auto tokens = random_tokens(50, 5);
    const auto want = all_logits(*model, best_table(), Compute::kAuto, one, tokens, 10);
    for (const int threads : {2, 3, 7}) {
      ThreadPool many(threads);
      EXPECT_TRUE(same_bits(all_logits(*model, best_table(), Compute::kAuto, many, tokens, 10), want))
          << path << ", " << threads << " threads";
    }
  }
}

// Integer sums are exact and float sums have one order, so quantised models give the same bits everywhere;
// but where prompts are multiplied in bf16, those have bits of their own.
TEST(Decoder, EveryInstructionSetGivesTheSameBitsOnQuantisedModels) {
  ThreadPool pool(1);
  for (const auto& path : models()) {
    const auto model = load_for_tests(path, pool);
    if (!is_quantised(model->weights.embedding.source)) continue;
    const auto tokens = random_tokens(20, 6);
    for (const TokenRole role : {TokenRole::kGenerated, TokenRole::kPrompt}) {
      const auto want = all_logits(*model, *kernels::available_tables().front(), Compute::kAuto, pool, tokens,
                                   tokens.size(), role);
      for (const kernels::Ops* ops : kernels::available_tables()) {
        if (role == TokenRole::kPrompt && ops->bf16_prompts) continue;
        for (const std::size_t step : {std::size_t{1}, tokens.size()})
          EXPECT_TRUE(same_bits(all_logits(*model, *ops, Compute::kAuto, pool, tokens, step, role), want))
              << path << ", " << ops->isa << ", " << step << " at a time, role " << static_cast<int>(role);
      }
    }
  }
}

TEST(Decoder, EmptyBatchGivesNothing) {
  ThreadPool pool(1);
  const auto model = load_for_tests(models().front(), pool);
  DecoderForTests decoder(*model, best_table(), Compute::kAuto, pool, 8);
  EXPECT_TRUE(decoder.forward({}).empty());
}

}  // namespace
}  // namespace atelier::model
