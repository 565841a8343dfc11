// The Scheduler decides who runs next and how many tokens of each enter the step. It computes nothing:
// sequences are numbers with lengths, and blocks with keys.
//
// The rule: first come, first served (or by priority, then first come). A sequence is admitted when a place
// is free and there are blocks for all its known tokens, less those found in the prefix cache; blocks for its
// output come as it grows. Where none is left, the last in line gives its blocks up and waits in its old
// place to be computed again: the first in line is never disturbed, so somebody always ends, and nobody
// overtakes.
//
// Each step holds one token of every sequence that is generating, and of prompts what there is room for. Of
// prompts that begin alike one goes ahead; the others wait for its blocks instead of computing them as well.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "cache/block_pool.h"
#include "schedule/prompt_room.h"
#include "schedule/sequence.h"

namespace atelier::schedule {

// `tokens` consecutive tokens of one sequence, the first standing at `position`.
struct Slice {
  SequenceId id;
  std::int64_t position = 0;
  std::int64_t tokens = 0;
  std::int64_t drafted = 0;  // the last so many of them are guesses
  bool completes = false;    // reaches the last token known: the step yields the next one
};

struct BatchPlan {
  std::vector<Slice> slices;  // in line
  bool empty() const { return slices.empty(); }
};

struct SchedulerConfig {
  std::int64_t max_sequences = 32;  // admitted at once
  std::int64_t block_tokens = 32;
  bool by_priority = false;
};

// Since the beginning, in tokens.
struct SchedulerCounts {
  std::int64_t prefix_queries = 0, prefix_hits = 0;  // of prompts that may read the cache
  std::int64_t recomputed = 0;                       // of preempted sequences
  std::int64_t preemptions = 0;                      // sequences
};

// Engine thread only.
class Scheduler {
 public:
  // The pool must outlive the scheduler.
  Scheduler(SchedulerConfig config, cache::BlockPool& pool);

  // Could it run if it were alone?
  bool can_ever_fit(std::int64_t prompt_tokens, std::int64_t max_tokens) const;

  // can_ever_fit, and its id is higher than all before. keys: extended by the prompt.
  void add(const SequenceSpec& spec, cache::PrefixKeys keys);
  // `tokens` have been guessed behind what is known of a sequence that generates: the next step is to hold
  // them, as far as there are blocks without taking anybody's.
  void propose(SequenceId id, std::int64_t tokens);
  BatchPlan next_batch(const PromptRoom& room);    // empty only if no sequence is left
  void commit(const Slice& slice);                 // it was carried out: what is known of it is stored
  void append(SequenceId id, std::int32_t token);  // and yielded one more token of its sequence
  void accept(SequenceId id);                      // which was the next one guessed: it is stored, too
  void remove(SequenceId id);                      // ended, waiting or running; its blocks are free

  const Sequence& sequence(SequenceId id) const;  // waiting or running
  std::span<const cache::BlockId> blocks(SequenceId id) const { return sequence(id).table.blocks(); }
  bool anyone_generates() const;
  std::span<const Sequence> in_line() const { return running_; }
  std::int64_t running() const { return std::ssize(running_); }
  std::int64_t waiting() const { return std::ssize(waiting_); }
  std::int64_t queued_tokens() const;  // known and not yet stored, of all that do not generate
  const SchedulerCounts& counts() const { return counts_; }

 private:
  std::int64_t to_edge(const Sequence& sequence, std::int64_t tokens) const;
  void store(Sequence& sequence, std::int64_t stored);
  void make_room_for_drafts();
  bool grow();  // false: somebody was preempted
  void preempt_last();
  void admit();
  void match(Sequence& sequence);
  std::optional<cache::BlockKey> next_key(const Sequence& sequence) const;
  std::vector<std::size_t> prompts_in_line();
  void insert_in_line(auto& line, Sequence sequence);
  bool precedes(const Sequence& a, const Sequence& b) const;
  std::int64_t blocks_for(std::int64_t tokens) const;
  Sequence& find(SequenceId id);

  const SchedulerConfig config_;
  cache::BlockPool& pool_;
  std::deque<Sequence> waiting_;   // in line
  std::vector<Sequence> running_;  // in line
  SchedulerCounts counts_;
};

}  // namespace atelier::schedule
