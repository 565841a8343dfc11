// The Scheduler decides who runs next and how many tokens of each enter the step. It counts and computes
// nothing: sequences are numbers with lengths.
//
// The rule: first come, first served. A sequence is admitted when a place is free and blocks for its whole
// possible length can be reserved, so nothing that runs can run out of memory. Each step holds one token of
// every sequence that is generating and up to max_prompt_tokens tokens of prompts: a long prompt enters over
// several steps, and short ones that came after it enter beside it.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "cache/block_pool.h"
#include "cache/block_table.h"

namespace atelier::schedule {

enum class SequenceId : std::uint64_t {};

struct SequenceSpec {
  SequenceId id;
  std::int64_t prompt_tokens = 0;  // >= 1
  std::int64_t max_tokens = 0;     // of output, >= 1
  std::uint64_t tenant = 0;        // opaque; for fair share
  double weight = 1.0;
};

// `tokens` consecutive tokens of one sequence, the first standing at `position`.
struct Slice {
  SequenceId id;
  std::int64_t position = 0;
  std::int64_t tokens = 0;
  bool completes = false;  // reaches the last token known: the step yields the next one
};

struct BatchPlan {
  std::vector<Slice> slices;  // in order of admission
  bool empty() const { return slices.empty(); }
};

struct SchedulerConfig {
  std::int64_t max_sequences = 32;       // admitted at once
  std::int64_t max_prompt_tokens = 512;  // entering one step
  std::int64_t block_tokens = 32;
};

// Engine thread only.
class Scheduler {
 public:
  // The pool must outlive the scheduler.
  Scheduler(SchedulerConfig config, cache::BlockPool& pool);

  // Could it run if it were alone?
  bool can_ever_fit(std::int64_t prompt_tokens, std::int64_t max_tokens) const;

  void add(const SequenceSpec& spec);  // can_ever_fit, and its id is new
  BatchPlan next_batch();              // admits whom it can; empty only if no sequence is left
  void commit(const BatchPlan& plan);  // the plan was carried out
  void append(SequenceId id);          // and yielded one more token of this sequence
  void remove(SequenceId id);          // ended, waiting or running; its blocks go back at once

  std::span<const cache::BlockId> blocks(SequenceId id) const;  // of a running sequence
  std::int64_t running() const { return static_cast<std::int64_t>(running_.size()); }
  std::int64_t waiting() const { return static_cast<std::int64_t>(waiting_.size()); }

 private:
  struct Running {
    SequenceSpec spec;
    std::int64_t length = 0;  // tokens known
    std::int64_t stored = 0;  // of them in the KV store
    cache::BlockTable table;

    std::int64_t missing() const { return length - stored; }
    bool generating() const { return stored >= spec.prompt_tokens; }
  };

  void admit();
  std::vector<std::int64_t> share_prompt_room() const;
  std::int64_t blocks_for(std::int64_t prompt_tokens, std::int64_t max_tokens) const;
  Running& find(SequenceId id);
  const Running& find(SequenceId id) const;

  SchedulerConfig config_;
  cache::BlockPool& pool_;
  std::deque<SequenceSpec> waiting_;  // oldest first
  std::vector<Running> running_;      // oldest first
};

}  // namespace atelier::schedule
