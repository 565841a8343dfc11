// The Loop is the engine's inside: the queue of arrivals, the thread, and the step it repeats: admit,
// forward, choose, deliver. Private to engine/.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "cache/block_pool.h"
#include "engine/engine.h"
#include "engine/mailbox.h"
#include "engine/prompt_scorer.h"
#include "engine/row_picker.h"
#include "engine/speculation.h"
#include "engine/step_pacer.h"
#include "model/kv_store.h"
#include "sample/sampler.h"
#include "schedule/scheduler.h"

namespace atelier::engine {

class Engine::Loop {
 public:
  Loop(model::Decoder& decoder, const EngineConfig& config, std::unique_ptr<Drafter> drafter);
  ~Loop();  // everything unfinished ends with kCancelled

  // Any thread. The request has been checked and its max_tokens clamped.
  Result<std::unique_ptr<GenerationHandle>> submit(GenerationRequest request);
  Status room() const;
  void drain();
  EngineStats stats() const;

 private:
  // One accepted generation, from arrival to its end.
  struct Job {
    GenerationRequest request;
    std::shared_ptr<Mailbox> mailbox;
    std::vector<std::int32_t> tokens;   // prompt and output
    std::vector<std::int32_t> drafted;  // guessed for the step at work
    bool long_rope;
    std::int64_t scored = 0;  // tokens of the prompt whose successor's score has been told
    std::optional<sample::Sampler> sampler;
    GenerationFacts facts;
  };
  // What a step has for one client; sent when the books are up to date.
  struct Letter {
    std::shared_ptr<Mailbox> to;
    std::vector<sample::TokenScore> prompt;
    std::optional<TokenEvent> token;
    std::optional<GenerationEnd> end;
  };
  using Jobs = std::unordered_map<std::uint64_t, Job>;

  Status locked_room() const;  // mutex_ is held

  // Engine thread: between steps (loop.cpp).
  void run();
  bool accept_arrivals();  // parks while there is nothing to do; false: stop
  void admit(Job job);
  cache::PrefixKeys keys_of(const Job& job) const;
  void drop_cancelled();
  void finish(schedule::SequenceId id, GenerationEnd end, std::optional<TokenEvent> last = {});
  void publish();
  void end_everything();
  Job& job(schedule::SequenceId id);

  // And in one (loop_step.cpp).
  void step();
  void draft();
  void learn(const schedule::BatchPlan& plan, double prompt_work, double seconds);
  double begin_step(const schedule::BatchPlan& plan, GenerationFacts::Time now);
  std::span<const model::BatchSequence> build(const schedule::BatchPlan& plan);
  void add_rows(const schedule::Slice& slice, std::int64_t begin, std::int64_t end, kernels::TokenRole role);
  void deliver(const schedule::BatchPlan& plan, std::span<const float> logits);
  std::span<const SequenceRows> rows_of(const schedule::BatchPlan& plan, std::span<const float> logits);
  void advance(const schedule::Slice& slice, Choices choices, GenerationFacts::Time now);
  bool add_token(schedule::SequenceId id, Result<sample::Choice> choice);
  bool wants_scores(const schedule::Slice& slice);
  void score_prompts(const schedule::BatchPlan& plan);
  void tell_scores(const schedule::Slice& slice, Result<PromptScorer::Outcome> scored,
                   GenerationFacts::Time now);
  void begin_answer(schedule::SequenceId id);

  const EngineConfig config_;

  mutable std::mutex mutex_;
  std::condition_variable arrived_, ended_;
  std::vector<Job> arrivals_;         // guarded by mutex_
  std::int64_t arriving_tokens_ = 0;  // guarded by mutex_; of the arrivals' prompts
  std::int64_t present_ = 0;          // guarded by mutex_; accepted and not yet ended
  std::int64_t unfinished_ = 0;       // guarded by mutex_; accepted and not yet told their end
  bool draining_ = false;             // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
  EngineStats published_;             // guarded by mutex_; what waits without arrivals_

  // Engine thread only, from here on.
  model::Decoder& decoder_;
  model::KvStore kv_;
  cache::BlockPool pool_;
  schedule::Scheduler scheduler_;
  StepPacer pacer_;
  PromptScorer scorer_;
  std::optional<Speculation> speculation_;
  std::unordered_map<std::uint64_t, Result<PromptScorer::Outcome>> scored_;  // in this step, by sequence
  Jobs jobs_;
  std::uint64_t next_id_ = 0;
  EngineStats totals_;  // the running counts
  std::vector<Letter> letters_;
  std::vector<model::BatchSequence> batch_;
  RowPicker picker_;
  std::vector<SequenceRows> rows_;

  std::jthread thread_;  // last: it starts when all else stands
};

}  // namespace atelier::engine
