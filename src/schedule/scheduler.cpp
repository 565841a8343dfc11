#include "schedule/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace atelier::schedule {

Scheduler::Scheduler(SchedulerConfig config, cache::BlockPool& pool) : config_(config), pool_(pool) {
  ATELIER_CHECK(config.max_sequences > 0 && config.max_prompt_tokens > 0 && config.block_tokens > 0);
}

bool Scheduler::can_ever_fit(std::int64_t prompt_tokens, std::int64_t max_tokens) const {
  return blocks_for(prompt_tokens, max_tokens) <= pool_.total();
}

void Scheduler::add(const SequenceSpec& spec) {
  ATELIER_CHECK(spec.prompt_tokens > 0 && spec.max_tokens > 0);
  ATELIER_CHECK(can_ever_fit(spec.prompt_tokens, spec.max_tokens));
  waiting_.push_back(spec);
}

BatchPlan Scheduler::next_batch() {
  admit();
  const std::vector<std::int64_t> parts = share_prompt_room();
  BatchPlan plan;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    const Running& sequence = running_[i];
    const std::int64_t missing = sequence.missing();
    const std::int64_t tokens = sequence.generating() ? missing : parts[i];
    if (tokens == 0) continue;
    plan.slices.push_back({.id = sequence.spec.id,
                           .position = sequence.stored,
                           .tokens = tokens,
                           .completes = tokens == missing});
  }
  return plan;
}

// How many prompt tokens of each running sequence enter this step. Half of the room is the oldest prompt's,
// so it never starves; the rest goes to the shortest first, so a short question does not wait behind a long
// document; what is left over is the oldest's again.
std::vector<std::int64_t> Scheduler::share_prompt_room() const {
  std::vector<std::int64_t> parts(running_.size(), 0);
  std::vector<std::size_t> prompts;  // oldest first
  for (std::size_t i = 0; i < running_.size(); ++i) {
    if (!running_[i].generating()) prompts.push_back(i);
  }
  if (prompts.empty()) return parts;
  std::int64_t room = config_.max_prompt_tokens;
  const auto give = [&](std::size_t i, std::int64_t at_most) {
    const std::int64_t tokens = std::min(running_[i].missing() - parts[i], at_most);
    parts[i] += tokens;
    room -= tokens;
  };
  const std::size_t oldest = prompts.front();
  give(oldest, (room + 1) / 2);
  std::ranges::stable_sort(prompts, {}, [&](std::size_t i) { return running_[i].missing(); });
  for (const std::size_t i : prompts) {
    if (i != oldest) give(i, room);
  }
  give(oldest, room);
  return parts;
}

// Strictly in order of arrival: a large sequence at the head waits for room and is not overtaken.
void Scheduler::admit() {
  while (!waiting_.empty() && running() < config_.max_sequences) {
    const SequenceSpec& spec = waiting_.front();
    cache::BlockTable table(pool_);
    if (!table.try_grow_to(blocks_for(spec.prompt_tokens, spec.max_tokens))) return;
    running_.push_back({.spec = spec, .length = spec.prompt_tokens, .table = std::move(table)});
    waiting_.pop_front();
  }
}

void Scheduler::commit(const BatchPlan& plan) {
  for (const Slice& slice : plan.slices) {
    Running& sequence = find(slice.id);
    ATELIER_CHECK(sequence.stored == slice.position);
    sequence.stored += slice.tokens;
  }
}

void Scheduler::append(SequenceId id) {
  Running& sequence = find(id);
  ATELIER_CHECK(sequence.stored == sequence.length);
  ++sequence.length;
  ATELIER_CHECK(sequence.length <= sequence.spec.prompt_tokens + sequence.spec.max_tokens);
}

void Scheduler::remove(SequenceId id) {
  const std::size_t before = waiting_.size() + running_.size();
  std::erase_if(waiting_, [&](const SequenceSpec& spec) { return spec.id == id; });
  std::erase_if(running_, [&](const Running& sequence) { return sequence.spec.id == id; });
  ATELIER_CHECK(waiting_.size() + running_.size() + 1 == before);
}

std::span<const cache::BlockId> Scheduler::blocks(SequenceId id) const {
  return find(id).table.blocks();
}

std::int64_t Scheduler::blocks_for(std::int64_t prompt_tokens, std::int64_t max_tokens) const {
  return (prompt_tokens + max_tokens + config_.block_tokens - 1) / config_.block_tokens;
}

Scheduler::Running& Scheduler::find(SequenceId id) {
  return const_cast<Running&>(std::as_const(*this).find(id));
}

const Scheduler::Running& Scheduler::find(SequenceId id) const {
  const auto found = std::ranges::find(running_, id, [](const Running& running) { return running.spec.id; });
  ATELIER_CHECK(found != running_.end());
  return *found;
}

}  // namespace atelier::schedule
