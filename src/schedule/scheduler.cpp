#include "schedule/scheduler.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace atelier::schedule {

using cache::BlockKey;

Scheduler::Scheduler(SchedulerConfig config, cache::BlockPool& pool) : config_(config), pool_(pool) {
  ATELIER_CHECK(config.max_sequences > 0 && config.block_tokens > 0);
}

bool Scheduler::can_ever_fit(std::int64_t prompt_tokens, std::int64_t max_tokens) const {
  return blocks_for(prompt_tokens + max_tokens) <= pool_.total();
}

void Scheduler::add(const SequenceSpec& spec, cache::PrefixKeys keys) {
  ATELIER_CHECK(spec.prompt_tokens > 0 && spec.max_tokens > 0);
  ATELIER_CHECK(can_ever_fit(spec.prompt_tokens, spec.max_tokens));
  Sequence sequence{
      .spec = spec, .keys = std::move(keys), .table = cache::BlockTable(pool_), .length = spec.prompt_tokens};
  insert_in_line(waiting_, std::move(sequence));
}

void Scheduler::insert_in_line(auto& line, Sequence sequence) {
  const auto place = std::ranges::upper_bound(
      line, sequence, [this](const Sequence& a, const Sequence& b) { return precedes(a, b); });
  line.insert(place, std::move(sequence));
}

bool Scheduler::precedes(const Sequence& a, const Sequence& b) const {
  if (config_.by_priority && a.spec.priority != b.spec.priority) return a.spec.priority < b.spec.priority;
  return a.spec.id < b.spec.id;
}

BatchPlan Scheduler::next_batch(const PromptRoom& room) {
  if (grow()) admit();
  make_room_for_drafts();
  const std::vector<std::size_t> prompts = prompts_in_line();
  std::vector<PromptNeed> needs;
  for (const std::size_t i : prompts)
    needs.push_back({.missing = running_[i].missing(), .depth = running_[i].stored});
  const std::vector<std::int64_t> parts = share(room, needs);
  std::vector<std::int64_t> tokens(running_.size(), 0);
  for (std::size_t i = 0; i < prompts.size(); ++i) tokens[prompts[i]] = parts[i];

  BatchPlan plan;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = running_[i];
    const std::int64_t entering = sequence.generating() ? 1 : to_edge(sequence, tokens[i]);
    const std::int64_t drafted = std::exchange(sequence.drafted, 0);
    if (entering == 0) continue;
    plan.slices.push_back({.id = sequence.spec.id,
                           .position = sequence.stored,
                           .tokens = entering + drafted,
                           .drafted = drafted,
                           .completes = entering == sequence.missing()});
  }
  return plan;
}

// A part of a prompt ends with a full block where it can: others that begin alike can go on from there.
std::int64_t Scheduler::to_edge(const Sequence& sequence, std::int64_t tokens) const {
  const std::int64_t over = (sequence.stored + tokens) % config_.block_tokens;
  return tokens == sequence.missing() || over >= tokens ? tokens : tokens - over;
}

// Blocks for what the running ones have generated, first in line first.
bool Scheduler::grow() {
  const std::int64_t before = running();
  for (std::size_t i = 0; i < running_.size(); ++i) {
    while (i < running_.size() && !running_[i].table.try_grow_to(blocks_for(running_[i].length)))
      preempt_last();
  }
  return running() == before;
}

void Scheduler::propose(SequenceId id, std::int64_t tokens) {
  find(id).drafted = tokens;
}

void Scheduler::make_room_for_drafts() {
  for (Sequence& sequence : running_) {
    if (sequence.drafted > 0 && !sequence.table.try_grow_to(blocks_for(sequence.length + sequence.drafted)))
      sequence.drafted = 0;
  }
}

void Scheduler::preempt_last() {
  Sequence last = std::move(running_.back());
  running_.pop_back();
  last.table = cache::BlockTable(pool_);
  last.stored = last.drafted = 0;
  ++last.preemptions;
  ++counts_.preemptions;
  insert_in_line(waiting_, std::move(last));
}

// Strictly in line: a large sequence at the head waits for room and is not overtaken. Beside others it leaves
// a block for each that runs, so that its coming does not cost the next one that grows its place.
void Scheduler::admit() {
  while (!waiting_.empty() && running() < config_.max_sequences) {
    Sequence& next = waiting_.front();
    match(next);
    const std::int64_t missing = blocks_for(next.length) - std::ssize(next.table.blocks());
    if (pool_.free() < missing + running() || !next.table.try_grow_to(blocks_for(next.length))) {
      next.table = cache::BlockTable(pool_);
      next.stored = 0;
      return;
    }
    if (next.preemptions > 0) {
      counts_.recomputed += next.missing();
    } else if (next.spec.reads_cache) {
      next.cached = next.stored;
      counts_.prefix_queries += next.length;
      counts_.prefix_hits += next.stored;
    }
    insert_in_line(running_, std::move(next));
    waiting_.pop_front();
  }
}

// Takes over the blocks that others have filled with what comes next in this sequence. The last token known
// is always computed: its logits are wanted.
void Scheduler::match(Sequence& sequence) {
  while (const auto key = next_key(sequence)) {
    const auto block = pool_.find(*key);
    if (!block) return;
    sequence.table.share(static_cast<std::size_t>(sequence.stored / config_.block_tokens), *block);
    sequence.stored += config_.block_tokens;
  }
}

// The key of the block that the sequence would fill next, if it may be another's.
std::optional<BlockKey> Scheduler::next_key(const Sequence& sequence) const {
  const auto keys = sequence.keys.keys();
  const std::int64_t index = sequence.stored / config_.block_tokens;
  const bool at_edge = sequence.stored % config_.block_tokens == 0;
  if (!sequence.spec.reads_cache || !at_edge || index >= std::ssize(keys)) return std::nullopt;
  if (sequence.missing() <= config_.block_tokens) return std::nullopt;
  return keys[static_cast<std::size_t>(index)];
}

// Those whose known tokens are to enter, first what others have computed meanwhile. Whose next block one
// before it is about to fill waits for that one.
std::vector<std::size_t> Scheduler::prompts_in_line() {
  std::vector<std::size_t> prompts;
  std::unordered_set<BlockKey, cache::BlockKeyHash> under_way;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence& sequence = running_[i];
    if (sequence.generating()) continue;
    const std::int64_t before = sequence.stored;
    match(sequence);
    if (sequence.preemptions == 0) {
      sequence.cached += sequence.stored - before;
      counts_.prefix_hits += sequence.stored - before;
    }
    const auto keys = sequence.keys.keys();
    const auto next = static_cast<std::size_t>(sequence.stored / config_.block_tokens);
    const bool first = next >= keys.size() || under_way.insert(keys[next]).second;
    if (first || !next_key(sequence)) prompts.push_back(i);
  }
  return prompts;
}

void Scheduler::commit(const Slice& slice) {
  Sequence& sequence = find(slice.id);
  ATELIER_CHECK(sequence.stored == slice.position);
  store(sequence, slice.position + slice.tokens - slice.drafted);
}

void Scheduler::accept(SequenceId id) {
  Sequence& sequence = find(id);
  store(sequence, sequence.stored + 1);
}

// Blocks that are full now can be found by their keys.
void Scheduler::store(Sequence& sequence, std::int64_t stored) {
  ATELIER_CHECK(stored <= sequence.length);
  const auto keys = sequence.keys.keys();
  const auto blocks = sequence.table.blocks();
  for (std::int64_t i = sequence.stored / config_.block_tokens; i < stored / config_.block_tokens; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (at < keys.size()) pool_.publish(blocks[at], keys[at]);
  }
  sequence.stored = stored;
}

void Scheduler::append(SequenceId id, std::int32_t token) {
  Sequence& sequence = find(id);
  ATELIER_CHECK(sequence.stored == sequence.length);
  ++sequence.length;
  sequence.keys.extend({&token, 1}, true);
  ATELIER_CHECK(sequence.length <= sequence.spec.prompt_tokens + sequence.spec.max_tokens);
}

void Scheduler::remove(SequenceId id) {
  const std::int64_t before = waiting() + running();
  const auto is_it = [&](const Sequence& sequence) { return sequence.spec.id == id; };
  std::erase_if(waiting_, is_it);
  std::erase_if(running_, is_it);
  ATELIER_CHECK(waiting() + running() + 1 == before);
}

std::int64_t Scheduler::queued_tokens() const {
  std::int64_t tokens = 0;
  for (const Sequence& sequence : waiting_) tokens += sequence.length;
  for (const Sequence& sequence : running_) tokens += sequence.generating() ? 0 : sequence.missing();
  return tokens;
}

bool Scheduler::anyone_generates() const {
  return std::ranges::any_of(running_, &Sequence::generating);
}

std::int64_t Scheduler::blocks_for(std::int64_t tokens) const {
  return (tokens + config_.block_tokens - 1) / config_.block_tokens;
}

const Sequence& Scheduler::sequence(SequenceId id) const {
  const auto id_of = [](const Sequence& sequence) { return sequence.spec.id; };
  if (const auto found = std::ranges::find(running_, id, id_of); found != running_.end()) return *found;
  const auto found = std::ranges::find(waiting_, id, id_of);
  ATELIER_CHECK(found != waiting_.end());
  return *found;
}

Sequence& Scheduler::find(SequenceId id) {
  return const_cast<Sequence&>(std::as_const(*this).sequence(id));
}

}  // namespace atelier::schedule
