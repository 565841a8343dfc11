#include "engine/loop.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace atelier::engine {

using schedule::SequenceId;
using Clock = std::chrono::steady_clock;

namespace {

// Of prompts enter every step, so that the first in line comes to its end; fewer cost hardly less.
constexpr std::int64_t kLeastPromptTokens = 32;

}  // namespace

Engine::Loop::Loop(model::Decoder& decoder, const EngineConfig& config, std::unique_ptr<Drafter> drafter)
    : config_(config),
      decoder_(decoder),
      kv_(decoder.config(), decoder.kv_dtype(), config.kv_blocks),
      pool_(config.kv_blocks),
      scheduler_({.max_sequences = config.max_sequences,
                  .block_tokens = kernels::kBlockTokens,
                  .by_priority = config.by_priority},
                 pool_),
      pacer_(config.step_target_s, {.work = static_cast<double>(config.max_batch_tokens),
                                    .depth_cost = depth_cost(decoder.config()),
                                    .most = config.max_batch_tokens,
                                    .least = std::min(config.max_batch_tokens, kLeastPromptTokens),
                                    .longest = config.max_prompt_tokens_each}),
      scorer_(decoder, kv_, config.vocabulary),
      picker_(decoder.pool()) {
  if (drafter) speculation_.emplace(std::move(drafter), config.max_drafts);
  published_.blocks_total = pool_.total();
  thread_ = std::jthread([this] { run(); });
}

Engine::Loop::~Loop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

Result<std::unique_ptr<GenerationHandle>> Engine::Loop::submit(GenerationRequest request) {
  const std::int64_t reach = std::max(request.reach_tokens, std::ssize(request.prompt) + request.max_tokens);
  const bool long_rope = reach > config_.native_len;
  Job job{.request = std::move(request),
          .mailbox = std::make_shared<Mailbox>(),
          .tokens = {},
          .drafted = {},
          .long_rope = long_rope,
          .scored = 0,
          .sampler = {},
          .facts = {.arrived = Clock::now()}};
  auto handle = make_handle(job.mailbox);
  const std::int64_t tokens = std::ssize(job.request.prompt);
  {
    const std::lock_guard lock(mutex_);
    ATELIER_TRY_STATUS(locked_room());
    const std::int64_t queued = published_.queued_tokens + arriving_tokens_;
    if (queued + tokens > config_.max_queued_tokens && queued > 0) {
      return fail(Fault::kOverloaded, "prompts of {} tokens are queued, and {} may be; try again later",
                  queued, config_.max_queued_tokens);
    }
    arrivals_.push_back(std::move(job));
    arriving_tokens_ += tokens;
    ++present_;
    ++unfinished_;
  }
  arrived_.notify_one();
  return handle;
}

Status Engine::Loop::room() const {
  const std::lock_guard lock(mutex_);
  return locked_room();
}

Status Engine::Loop::locked_room() const {
  if (draining_ || stopping_) return fail(Fault::kOverloaded, "the engine is shutting down");
  if (present_ < config_.max_requests) return {};
  return fail(Fault::kOverloaded, "{} requests are running or waiting, and {} may; try again later", present_,
              config_.max_requests);
}

void Engine::Loop::drain() {
  std::unique_lock lock(mutex_);
  draining_ = true;
  ended_.wait(lock, [&] { return unfinished_ == 0; });
}

EngineStats Engine::Loop::stats() const {
  const std::lock_guard lock(mutex_);
  EngineStats stats = published_;
  stats.waiting += std::ssize(arrivals_);
  stats.queued_tokens += arriving_tokens_;
  return stats;
}

void Engine::Loop::run() {
  pthread_setname_np(pthread_self(), "engine");
  while (accept_arrivals()) {
    drop_cancelled();
    step();
    publish();
  }
  end_everything();
}

bool Engine::Loop::accept_arrivals() {
  std::vector<Job> arrivals;
  {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return stopping_ || !arrivals_.empty() || !jobs_.empty(); });
    if (stopping_) return false;
    arrivals.swap(arrivals_);
    published_.waiting += std::ssize(arrivals);  // until publish() counts them itself
    published_.queued_tokens += std::exchange(arriving_tokens_, 0);
  }
  for (Job& job : arrivals) admit(std::move(job));
  return true;
}

void Engine::Loop::admit(Job job) {
  const SequenceId id{next_id_++};
  const GenerationRequest& request = job.request;
  const auto prompt_tokens = std::ssize(request.prompt);
  job.tokens = request.prompt;
  job.sampler.emplace(request.sampling, request.prompt, config_.vocabulary);
  scheduler_.add({.id = id,
                  .prompt_tokens = prompt_tokens,
                  .max_tokens = request.max_tokens,
                  .tenant = request.tenant,
                  .weight = request.weight,
                  .priority = request.priority,
                  .reads_cache = request.prompt_logprobs < 0},
                 keys_of(job));
  jobs_.emplace(static_cast<std::uint64_t>(id), std::move(job));
}

// The salt holds what decides over a token's keys and values beside the tokens, and who may know of them.
cache::PrefixKeys Engine::Loop::keys_of(const Job& job) const {
  if (!config_.prefix_cache) return {};
  const GenerationRequest& request = job.request;
  const std::string salt =
      fmt::format("{} {} {} {}", request.tenant, request.adapter, job.long_rope, request.cache_salt);
  cache::PrefixKeys keys(salt, kernels::kBlockTokens);
  keys.extend(request.prompt, false);
  return keys;
}

void Engine::Loop::drop_cancelled() {
  std::vector<SequenceId> cancelled;
  for (const auto& [id, job] : jobs_) {
    if (job.mailbox->cancelled()) cancelled.push_back(SequenceId{id});
  }
  for (const SequenceId id : cancelled) finish(id, {.reason = FinishReason::kCancelled});
}

// Its blocks are free from here on; the client hears of it when the stats say so too.
void Engine::Loop::finish(SequenceId id, GenerationEnd end, std::optional<TokenEvent> last) {
  const schedule::Sequence& sequence = scheduler_.sequence(id);
  Job& job = this->job(id);
  end.facts = job.facts;
  end.facts.cached_tokens = sequence.cached;
  end.facts.preemptions = sequence.preemptions;
  letters_.push_back({.to = job.mailbox, .prompt = {}, .token = std::move(last), .end = std::move(end)});
  scheduler_.remove(id);
  jobs_.erase(static_cast<std::uint64_t>(id));
  if (speculation_) speculation_->forget(id);
  ++totals_.finished;
}

void Engine::Loop::publish() {
  totals_.running = scheduler_.running();
  totals_.waiting = scheduler_.waiting();
  totals_.blocks_used = pool_.used();
  totals_.blocks_total = pool_.total();
  totals_.queued_tokens = scheduler_.queued_tokens();
  const schedule::SchedulerCounts& counts = scheduler_.counts();
  totals_.prefix_queries = counts.prefix_queries;
  totals_.prefix_hits = counts.prefix_hits;
  totals_.preemptions = counts.preemptions;
  totals_.recomputed_tokens = counts.recomputed;
  if (speculation_) totals_.speculation = speculation_->counts();
  const auto ended =
      std::ranges::count_if(letters_, [](const Letter& letter) { return letter.end.has_value(); });
  {
    const std::lock_guard lock(mutex_);
    published_ = totals_;
    present_ -= ended;  // whoever is told of an end may ask again at once
  }
  for (Letter& letter : letters_) {
    if (!letter.prompt.empty()) letter.to->deliver_prompt(std::move(letter.prompt));
    if (letter.token || letter.end) letter.to->deliver(std::move(letter.token), std::move(letter.end));
  }
  letters_.clear();
  if (ended == 0) return;
  {
    const std::lock_guard lock(mutex_);
    unfinished_ -= ended;
  }
  ended_.notify_all();
}

void Engine::Loop::end_everything() {
  {
    const std::lock_guard lock(mutex_);
    for (Job& job : arrivals_) admit(std::move(job));
    arrivals_.clear();
  }
  while (!jobs_.empty()) finish(SequenceId{jobs_.begin()->first}, {.reason = FinishReason::kCancelled});
  publish();
}

Engine::Loop::Job& Engine::Loop::job(SequenceId id) {
  const auto found = jobs_.find(static_cast<std::uint64_t>(id));
  ATELIER_CHECK(found != jobs_.end());
  return found->second;
}

}  // namespace atelier::engine
