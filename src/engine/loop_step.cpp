// One step of the Loop: guess, plan, forward, choose, deliver.
#include <algorithm>
#include <exception>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "engine/loop.h"

namespace atelier::engine {

using schedule::BatchPlan;
using schedule::SequenceId;
using schedule::Slice;
using Clock = std::chrono::steady_clock;

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
  try {
    speculation_->draft(drafts);
  } catch (const std::exception& error) {
    log_error("guessing ahead failed: {}; from now on nothing is guessed", error.what());
    speculation_.reset();
    return;
  }
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
  double work = 0;
  std::int64_t step_tokens = 0;
  for (const Slice& slice : plan.slices) {
    step_tokens += slice.tokens;
    GenerationFacts& facts = job(slice.id).facts;
    if (facts.admitted == GenerationFacts::Time{}) facts.admitted = now;
    const std::int64_t known = slice.tokens - slice.drafted;
    if (known == 1 && slice.position > 0) continue;
    work += static_cast<double>(known) * pacer_.work_of_token(slice.position);
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
  std::span<const float> states = decoder_.hidden_states();
  const auto now = Clock::now();
  std::vector<Choices> chosen = picker_.pick(rows_of(plan, logits));
  auto next = chosen.begin();
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
      begin_answer(slice.id);
      finish(slice.id, {.reason = FinishReason::kStop, .hidden_state = {state.begin(), state.end()}});
      continue;
    }
    advance(slice, std::move(*next++), now);
  }
}

// What the plan's samplers choose from, in its order.
std::span<const SequenceRows> Engine::Loop::rows_of(const BatchPlan& plan, std::span<const float> logits) {
  const auto row_length = static_cast<std::size_t>(decoder_.config().vocab_rows);
  rows_.clear();
  for (const Slice& slice : plan.slices) {
    Job& job = this->job(slice.id);
    if (!slice.completes || job.request.hidden_state) continue;
    if (scored_.contains(static_cast<std::uint64_t>(slice.id))) continue;
    const auto guesses = static_cast<std::size_t>(slice.drafted), size = (guesses + 1) * row_length;
    ATELIER_CHECK(logits.size() >= size);
    rows_.push_back({.sampler = &*job.sampler,
                     .logits = logits.first(size),
                     .guessed = std::span(job.drafted).first(guesses)});
    logits = logits.subspan(size);
  }
  return rows_;
}

// One sequence goes on by what was chosen for it, or ends on the way.
void Engine::Loop::advance(const Slice& slice, Choices choices, GenerationFacts::Time now) {
  Job& job = this->job(slice.id);
  job.drafted.clear();
  job.tokens.resize(job.tokens.size() - static_cast<std::size_t>(slice.drafted));
  if (job.facts.first_token == GenerationFacts::Time{}) {
    job.facts.first_token = now;
    begin_answer(slice.id);
  }
  job.facts.last_token = now;
  const std::int64_t accepted = std::ssize(choices) - 1;
  for (auto choice = choices.begin(); choice != choices.end(); ++choice) {
    if (choice != choices.begin()) scheduler_.accept(slice.id);  // the guess before it held
    if (!add_token(slice.id, std::move(*choice))) return;
  }
  if (slice.drafted > 0) speculation_->judge(slice.id, slice.drafted, accepted);
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
  if (!slice.completes) return;
  const SequenceRows last{.sampler = &*job.sampler, .logits = scored->last, .guessed = {}};
  advance(slice, std::move(picker_.pick({&last, 1}).front()), now);
}

// Its prompt has been read: the client hears what that took.
void Engine::Loop::begin_answer(SequenceId id) {
  Job& job = this->job(id);
  job.facts.cached_tokens = scheduler_.sequence(id).cached;
  job.mailbox->begin(job.facts);
}

// One sequence's next token; false: its end.
bool Engine::Loop::add_token(SequenceId id, Result<sample::Choice> choice) {
  Job& job = this->job(id);
  if (!choice) {
    const Failure& failure = choice.error();
    finish(id, {.reason = FinishReason::kFailed, .error = failure.message, .fault = failure.fault});
    return false;
  }
  ++totals_.generated_tokens;
  const GenerationRequest& request = job.request;
  if (!request.ignore_eos && std::ranges::count(request.stop_ids, choice->id) > 0) {
    finish(id, {.reason = FinishReason::kStop, .stop_id = choice->id, .stop_logprob = choice->logprob});
    return false;
  }
  TokenEvent token{.id = choice->id, .logprob = choice->logprob, .top = std::move(choice->top)};
  job.tokens.push_back(token.id);
  if (std::ssize(job.tokens) - std::ssize(request.prompt) == request.max_tokens) {
    finish(id, {.reason = FinishReason::kLength}, std::move(token));
    return false;
  }
  scheduler_.append(id, token.id);
  letters_.push_back({.to = job.mailbox, .prompt = {}, .token = std::move(token), .end = {}});
  return true;
}

}  // namespace atelier::engine
