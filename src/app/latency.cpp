#include "app/latency.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "sample/logit_scan.h"

namespace atelier::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kStepTokens = 512;  // prompt tokens of one step, as in the engine

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::int64_t length_of(const LatencyTask& task) {
  return task.depth_tokens + task.input_tokens + task.output_tokens;
}

std::int64_t blocks_each(const LatencyTask& task) {
  return (length_of(task) + kernels::kBlockTokens - 1) / kernels::kBlockTokens;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return *middle;
}

// The task's sequences, driven by hand the way the engine would.
class Batch {
 public:
  Batch(const LatencyTask& task, model::Decoder& decoder, model::KvStore& kv, std::int32_t vocabulary)
      : task_(task), decoder_(decoder), kv_(kv), vocabulary_(vocabulary) {
    const std::int64_t each = blocks_each(task);
    std::int32_t next = 0;
    for (std::int64_t i = 0; i < task.sequences; ++i) {
      Sequence sequence;
      sequence.blocks.resize(static_cast<std::size_t>(each));
      std::iota(sequence.blocks.begin(), sequence.blocks.end(), next);
      next += static_cast<std::int32_t>(each);
      sequence.tokens.resize(static_cast<std::size_t>(task.depth_tokens + task.input_tokens));
      for (std::size_t t = 0; t < sequence.tokens.size(); ++t) {
        const std::uint64_t mixed = (t + 1) * 2654435761u + static_cast<std::uint64_t>(i) * 40503u;
        sequence.tokens[t] = static_cast<std::int32_t>(mixed % static_cast<std::uint64_t>(vocabulary));
      }
      sequences_.push_back(std::move(sequence));
    }
  }

  // Puts tokens [begin, end) of every sequence into the cache, in steps of kStepTokens; the last token of
  // each yields its first output token.
  void prefill(std::int64_t begin, std::int64_t end) {
    std::vector<model::BatchSequence> batch;
    std::vector<Sequence*> completing;
    std::int64_t room = kStepTokens;
    const auto flush = [&] {
      if (!batch.empty()) keep_best(decoder_.forward(batch, kv_), completing);
      batch.clear();
      completing.clear();
      room = kStepTokens;
    };
    for (Sequence& sequence : sequences_) {
      for (std::int64_t at = begin; at < end;) {
        const std::int64_t count = std::min(end - at, room);
        const bool completes = at + count == task_.depth_tokens + task_.input_tokens;
        batch.push_back(slice(sequence, at, count, completes));
        if (completes) completing.push_back(&sequence);
        at += count;
        room -= count;
        if (room == 0) flush();
      }
    }
    flush();
  }

  void decode_one(std::int64_t position) {
    std::vector<model::BatchSequence> batch;
    std::vector<Sequence*> all;
    for (Sequence& sequence : sequences_) {
      batch.push_back({.tokens = {&sequence.next, 1},
                       .position = position,
                       .blocks = sequence.blocks,
                       .logits = model::LogitsWanted::kLast,
                       .role = kernels::TokenRole::kGenerated});
      all.push_back(&sequence);
    }
    keep_best(decoder_.forward(batch, kv_), all);
  }

 private:
  struct Sequence {
    std::vector<std::int32_t> blocks, tokens;
    std::int32_t next = 0;
  };

  static model::BatchSequence slice(const Sequence& sequence, std::int64_t begin, std::int64_t count,
                                    bool completes) {
    return {.tokens = std::span(sequence.tokens)
                          .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)),
            .position = begin,
            .blocks = sequence.blocks,
            .logits = completes ? model::LogitsWanted::kLast : model::LogitsWanted::kNone};
  }

  void keep_best(std::span<const float> logits, std::span<Sequence* const> sequences) {
    if (sequences.empty()) return;
    const std::size_t width = logits.size() / sequences.size();
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      sequences[i]->next = sample::argmax(logits.subspan(i * width, static_cast<std::size_t>(vocabulary_)));
    }
  }

  const LatencyTask& task_;
  model::Decoder& decoder_;
  model::KvStore& kv_;
  std::int32_t vocabulary_;
  std::vector<Sequence> sequences_;
};

}  // namespace

std::int64_t blocks_needed(const LatencyTask& task) {
  return task.sequences * blocks_each(task);
}

Latency measure_latency(const LatencyTask& task, model::Decoder& decoder, model::KvStore& kv,
                        std::int32_t vocabulary) {
  ATELIER_CHECK(kv.blocks() >= blocks_needed(task));
  Batch batch(task, decoder, kv, vocabulary);
  const std::int64_t prompt = task.depth_tokens + task.input_tokens;
  batch.prefill(0, prompt);  // the cache up to depth stays; the rest is the warm-up
  batch.decode_one(prompt);

  std::vector<double> prefill_s, decode_s;
  const auto begin = Clock::now();
  while (prefill_s.empty() || (prefill_s.size() < 3 && seconds_since(begin) < 6.0)) {
    auto start = Clock::now();
    batch.prefill(task.depth_tokens, prompt);
    prefill_s.push_back(seconds_since(start));
    start = Clock::now();
    for (std::int64_t t = 0; t < task.output_tokens; ++t) batch.decode_one(prompt + t);
    decode_s.push_back(seconds_since(start));
  }
  const auto tokens = [&](std::int64_t each) { return static_cast<double>(each * task.sequences); };
  return {.prefill_tokens_per_s = tokens(task.input_tokens) / median(prefill_s),
          .decode_tokens_per_s = tokens(task.output_tokens) / median(decode_s)};
}

void run_once(const LatencyTask& task, model::Decoder& decoder, model::KvStore& kv, std::int32_t vocabulary) {
  ATELIER_CHECK(kv.blocks() >= blocks_needed(task));
  Batch batch(task, decoder, kv, vocabulary);
  const std::int64_t prompt = task.depth_tokens + task.input_tokens;
  batch.prefill(0, prompt);  // yields the first token of the answer
  for (std::int64_t t = 1; t < task.output_tokens; ++t) batch.decode_one(prompt + t - 1);
}

}  // namespace atelier::app
