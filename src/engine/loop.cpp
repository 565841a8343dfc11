#include "engine/loop.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace atelier::engine {

using schedule::BatchPlan;
using schedule::SequenceId;
using schedule::Slice;
using Clock = std::chrono::steady_clock;

namespace {

// Of the first prompt in line enter every step, so that it comes to its end; fewer cost hardly less.
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
      scorer_(decoder, kv_, config.vocabulary) {
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
    if (draining_ || stopping_) return fail(Fault::kOverloaded, "the engine is shutting down");
    const std::int64_t limit = config_.max_sequences + config_.max_waiting;
    if (present_ >= limit) {
      return fail(Fault::kOverloaded, "{} requests are running or waiting, and {} may; try again later",
                  present_, limit);
    }
    const std::int64_t waiting = published_.waiting_tokens + arriving_tokens_;
    if (waiting + tokens > config_.max_waiting_tokens && waiting > 0) {
      return fail(Fault::kOverloaded, "prompts of {} tokens are waiting, and {} may; try again later",
                  waiting, config_.max_waiting_tokens);
    }
    arrivals_.push_back(std::move(job));
    arriving_tokens_ += tokens;
    ++present_;
    ++unfinished_;
  }
  arrived_.notify_one();
  return handle;
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
  stats.waiting_tokens += arriving_tokens_;
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
    published_.waiting_tokens += std::exchange(arriving_tokens_, 0);
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

void Engine::Loop::step() {
  draft();
  const BatchPlan plan = scheduler_.next_batch(pacer_.room(scheduler_.anyone_generates()));
  if (plan.empty()) return;
  ++totals_.steps;
  const auto begin = Clock::now();
  const double prompt_work = begin_step(plan, begin);
  try {
    score_prompts(plan);
    const std::span<const float> logits = decoder_.forward(build(plan), kv_);
    deliver(plan, logits);
    learn(plan, prompt_work, std::chrono::duration<double>(Clock::now() - begin).count());
  } catch (const std::exception& error) {
    log_error("a step failed: {}; its {} generations end", error.what(), plan.slices.size());
    for (const Slice& slice : plan.slices) {
      if (!jobs_.contains(static_cast<std::uint64_t>(slice.id))) continue;
      finish(slice.id, {.reason = FinishReason::kFailed, .error = error.what()});
    }
  }
}

// Guesses how those who generate go on. A guess never reaches beyond what the sequence may still have: the
// step yields one token more than is guessed.
void Engine::Loop::draft() {
  if (!speculation_) return;
  std::vector<Draft> drafts;
  for (const schedule::Sequence& sequence : scheduler_.in_line()) {
    if (!sequence.generating() || sequence.length == sequence.spec.prompt_tokens) continue;
    const std::int64_t left = sequence.spec.prompt_tokens + sequence.spec.max_tokens - sequence.length;
    drafts.push_back({.id = sequence.spec.id, .known = job(sequence.spec.id).tokens, .most = left - 1});
  }
  speculation_->draft(drafts);
  for (Draft& draft : drafts) {
    scheduler_.propose(draft.id, std::ssize(draft.tokens));
    job(draft.id).drafted = std::move(draft.tokens);
  }
}

void Engine::Loop::learn(const BatchPlan& plan, double prompt_work, double seconds) {
  pacer_.learn(prompt_work, seconds);
  if (!speculation_ || prompt_work > 0) return;
  std::int64_t rows = 0;
  for (const Slice& slice : plan.slices) rows += slice.tokens;
  speculation_->learn(rows, seconds);
}

// Notes who begins; the prompts' work in the plan, as PromptRoom counts it.
double Engine::Loop::begin_step(const BatchPlan& plan, GenerationFacts::Time now) {
  const double each_depth = pacer_.room(false).depth_cost;
  double work = 0;
  std::int64_t step_tokens = 0;
  for (const Slice& slice : plan.slices) {
    step_tokens += slice.tokens;
    GenerationFacts& facts = job(slice.id).facts;
    if (facts.admitted == GenerationFacts::Time{}) facts.admitted = now;
    const std::int64_t known = slice.tokens - slice.drafted;
    if (known == 1 && slice.position > 0) continue;
    const auto tokens = static_cast<double>(known), depth = static_cast<double>(slice.position);
    work += tokens * (1 + depth * each_depth);
  }
  totals_.step_sizes.add(step_tokens);
  return work;
}

std::span<const model::BatchSequence> Engine::Loop::build(const BatchPlan& plan) {
  batch_.clear();
  for (const Slice& slice : plan.slices) {
    if (scored_.contains(static_cast<std::uint64_t>(slice.id))) continue;
    const std::int64_t prompt = std::ssize(job(slice.id).request.prompt), end = slice.position + slice.tokens;
    const std::int64_t middle = std::clamp(prompt, slice.position, end);
    if (slice.drafted > 0) {
      std::vector<std::int32_t>& tokens = job(slice.id).tokens;  // behind them until the step is over
      const std::vector<std::int32_t>& drafted = job(slice.id).drafted;
      tokens.insert(tokens.end(), drafted.begin(), drafted.begin() + slice.drafted);
    }
    add_rows(slice, slice.position, middle, kernels::TokenRole::kPrompt);
    add_rows(slice, middle, end, kernels::TokenRole::kGenerated);
  }
  return batch_;
}

// The slice's tokens at positions [begin, end).
void Engine::Loop::add_rows(const Slice& slice, std::int64_t begin, std::int64_t end,
                            kernels::TokenRole role) {
  if (begin == end) return;
  const std::span<const std::int32_t> tokens = job(slice.id).tokens;
  const bool wanted = slice.completes && end == slice.position + slice.tokens;
  auto rows = slice.drafted > 0 ? model::LogitsWanted::kAll : model::LogitsWanted::kLast;
  if (job(slice.id).request.hidden_state) rows = model::LogitsWanted::kHidden;
  batch_.push_back(
      {.tokens = tokens.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
       .position = begin,
       .blocks = scheduler_.blocks(slice.id),
       .logits = wanted ? rows : model::LogitsWanted::kNone,
       .role = role,
       .long_rope = job(slice.id).long_rope});
}

// logits: one row for each slice that completes and is not scored, and one for each guess, in order; but for
// those that want a hidden state, which stand by themselves.
void Engine::Loop::deliver(const BatchPlan& plan, std::span<const float> logits) {
  const auto row_length = static_cast<std::size_t>(decoder_.config().vocab_rows);
  std::span<const float> states = decoder_.hidden_states();
  const auto now = Clock::now();
  for (const Slice& slice : plan.slices) {
    const std::int64_t prompt_left = std::ssize(job(slice.id).request.prompt) - slice.position;
    totals_.prompt_tokens += std::clamp<std::int64_t>(prompt_left, 0, slice.tokens);
    if (const auto scored = scored_.find(static_cast<std::uint64_t>(slice.id)); scored != scored_.end()) {
      tell_scores(slice, std::move(scored->second), now);
      continue;
    }
    scheduler_.commit(slice);
    if (!slice.completes) continue;
    if (job(slice.id).request.hidden_state) {
      const auto state = states.first(static_cast<std::size_t>(decoder_.config().hidden));
      states = states.subspan(state.size());
      finish(slice.id, {.reason = FinishReason::kStop, .hidden_state = {state.begin(), state.end()}});
      continue;
    }
    const auto rows = static_cast<std::size_t>(slice.drafted + 1) * row_length;
    ATELIER_CHECK(logits.size() >= rows);
    if (slice.drafted == 0) {
      advance(slice.id, logits.first(rows), now);
    } else {
      advance_drafted(slice, logits.first(rows), now);
    }
    logits = logits.subspan(rows);
  }
}

// As far as the guesses are what would have been chosen without them, and the first token that is not.
void Engine::Loop::advance_drafted(const Slice& slice, std::span<const float> logits,
                                   GenerationFacts::Time now) {
  const auto row_length = logits.size() / static_cast<std::size_t>(slice.drafted + 1);
  Job& job = this->job(slice.id);
  const std::vector<std::int32_t> drafted = std::move(job.drafted);
  job.tokens.resize(job.tokens.size() - static_cast<std::size_t>(slice.drafted));
  std::int64_t accepted = 0;
  while (true) {
    const auto chosen = advance(slice.id, logits.first(row_length), now);
    if (accepted == slice.drafted || chosen != drafted[static_cast<std::size_t>(accepted)]) break;
    scheduler_.accept(slice.id);
    ++accepted;
    logits = logits.subspan(row_length);
  }
  if (jobs_.contains(static_cast<std::uint64_t>(slice.id)))
    speculation_->judge(slice.id, slice.drafted, accepted);
}

// Does the slice hold prompt tokens whose scores are wanted and have not been told? It then ends where the
// prompt does at the latest.
bool Engine::Loop::wants_scores(const Slice& slice) {
  const Job& job = this->job(slice.id);
  return job.request.prompt_logprobs >= 0 && job.scored < std::ssize(job.request.prompt) &&
         slice.position + slice.tokens > job.scored;
}

// Slices whose prompt is scored go through the decoder one by one: each wants a row of logits for every
// token. What comes of it is told once the step is known to be done.
void Engine::Loop::score_prompts(const BatchPlan& plan) {
  scored_.clear();
  for (const Slice& slice : plan.slices) {
    if (!wants_scores(slice)) continue;
    const Job& job = this->job(slice.id);
    scored_.emplace(static_cast<std::uint64_t>(slice.id),
                    scorer_.score({.prompt = job.request.prompt,
                                   .begin = slice.position,
                                   .end = slice.position + slice.tokens,
                                   .blocks = scheduler_.blocks(slice.id),
                                   .long_rope = job.long_rope,
                                   .logprobs = job.request.prompt_logprobs,
                                   .given_up = [&job] { return job.mailbox->cancelled(); }}));
  }
}

void Engine::Loop::tell_scores(const Slice& slice, Result<PromptScorer::Outcome> scored,
                               GenerationFacts::Time now) {
  Job& job = this->job(slice.id);
  if (!scored) {
    const bool cancelled = scored.error().fault == Fault::kCancelled;
    return finish(slice.id, {.reason = cancelled ? FinishReason::kCancelled : FinishReason::kFailed,
                             .error = scored.error().message});
  }
  scheduler_.commit(slice);
  // computed again after a preemption: some have been told
  const std::int64_t told = std::min(job.scored - slice.position, std::ssize(scored->scores));
  scored->scores.erase(scored->scores.begin(), scored->scores.begin() + told);
  job.scored = slice.position + slice.tokens;
  if (!scored->scores.empty())
    letters_.push_back({.to = job.mailbox, .prompt = std::move(scored->scores), .token = {}, .end = {}});
  if (slice.completes) advance(slice.id, scored->last, now);
}

// One sequence's next token, or its end (nullopt).
std::optional<std::int32_t> Engine::Loop::advance(SequenceId id, std::span<const float> logits,
                                                  GenerationFacts::Time now) {
  Job& job = this->job(id);
  if (job.facts.first_token == GenerationFacts::Time{}) {
    job.facts.first_token = now;
    job.facts.cached_tokens = scheduler_.sequence(id).cached;
    job.mailbox->begin(job.facts);
  }
  job.facts.last_token = now;
  auto choice = job.sampler->pick(logits, scratch_);
  if (!choice) {
    const Failure& failure = choice.error();
    finish(id, {.reason = FinishReason::kFailed, .error = failure.message, .fault = failure.fault});
    return std::nullopt;
  }
  ++totals_.generated_tokens;
  const GenerationRequest& request = job.request;
  if (!request.ignore_eos && std::ranges::count(request.stop_ids, choice->id) > 0) {
    finish(id, {.reason = FinishReason::kStop, .stop_id = choice->id, .stop_logprob = choice->logprob});
    return std::nullopt;
  }
  TokenEvent token{.id = choice->id, .logprob = choice->logprob, .top = std::move(choice->top)};
  job.tokens.push_back(token.id);
  if (std::ssize(job.tokens) - std::ssize(request.prompt) == request.max_tokens) {
    finish(id, {.reason = FinishReason::kLength}, std::move(token));
    return std::nullopt;
  }
  scheduler_.append(id, token.id);
  letters_.push_back({.to = job.mailbox, .prompt = {}, .token = std::move(token), .end = {}});
  return job.tokens.back();
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
  totals_.waiting_tokens = scheduler_.waiting_tokens();
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
