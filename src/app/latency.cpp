#include "app/latency.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>
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

}  // namespace

// The task's sequences, driven by hand the way the engine would.
class LatencyRun::Batch {
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

  // On all threads, as the engine does.
  void keep_best(std::span<const float> logits, std::span<Sequence* const> sequences) {
    if (sequences.empty()) return;
    const std::size_t width = logits.size() / sequences.size();
    decoder_.pool().split(std::ssize(sequences), [&](int, std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
        sequences[i]->next = sample::argmax(logits.subspan(i * width, static_cast<std::size_t>(vocabulary_)));
    });
  }

  const LatencyTask& task_;
  model::Decoder& decoder_;
  model::KvStore& kv_;
  std::int32_t vocabulary_;
  std::vector<Sequence> sequences_;
};

std::int64_t blocks_needed(const LatencyTask& task) {
  return task.sequences * blocks_each(task);
}

LatencyRun::LatencyRun(const LatencyTask& task, model::Decoder& decoder, model::KvStore& kv,
                       std::int32_t vocabulary)
    : task_(task), batch_(std::make_unique<Batch>(task_, decoder, kv, vocabulary)) {
  ATELIER_CHECK(kv.blocks() >= blocks_needed(task));
}

LatencyRun::~LatencyRun() = default;

void LatencyRun::warm_up() {
  const std::int64_t prompt = task_.depth_tokens + task_.input_tokens;
  batch_->prefill(0, prompt);
  for (std::int64_t t = 0; t < std::min<std::int64_t>(task_.output_tokens, 2); ++t) {
    batch_->decode_one(prompt + t);
  }
}

double LatencyRun::prefill_seconds() {
  const auto start = Clock::now();
  batch_->prefill(task_.depth_tokens, task_.depth_tokens + task_.input_tokens);
  return seconds_since(start);
}

double LatencyRun::decode_seconds() {
  const std::int64_t prompt = task_.depth_tokens + task_.input_tokens;
  const auto start = Clock::now();
  for (std::int64_t t = 0; t < task_.output_tokens; ++t) batch_->decode_one(prompt + t);
  return seconds_since(start);
}

}  // namespace atelier::app
