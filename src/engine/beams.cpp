#include "engine/beams.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "sample/beam_search.h"

namespace atelier::engine {
namespace {

// The search in progress, shared by the handles of its beams; the last of them to go cancels it.
class BeamRun {
 public:
  // request: of one token. logprobs: how many of the candidates are told of each token.
  BeamRun(Engine& engine, GenerationRequest request, sample::BeamSearch search, std::int32_t logprobs)
      : engine_(engine), request_(std::move(request)), search_(std::move(search)), logprobs_(logprobs) {}

  // Submits one generation for each live beam.
  Status go_on();
  void poll();  // never blocks
  void wait();  // until all of this step's generations have ended, and on to the next step or the end
  void cancel();
  void on_update(std::size_t beam, std::function<void()> wake);
  // Nothing while the search goes on.
  GenerationUpdate outcome(std::size_t beam) const;

 private:
  struct Running {
    std::unique_ptr<GenerationHandle> handle;
    GenerationUpdate news = {};  // what has come of it
  };
  static void gather(Running& running, GenerationUpdate update);
  void step();
  void fail_all(GenerationEnd end);
  void listen();
  void ring() const;

  Engine& engine_;
  const GenerationRequest request_;  // of each step, less the beam's own tokens
  sample::BeamSearch search_;
  const std::int32_t logprobs_;
  std::vector<Running> running_;
  bool cancelled_ = false;
  std::vector<std::function<void()>> wakes_;
  std::optional<GenerationFacts> facts_;  // of the step that read the prompt; its last token the last step's
  std::optional<GenerationEnd> failed_;   // how all beams end, or
  std::optional<std::vector<sample::Beam>> best_;
};

Status BeamRun::go_on() {
  running_.clear();
  for (const sample::Beam& beam : search_.live()) {
    GenerationRequest request = request_;
    for (const sample::Beam::Token& token : beam.tokens) request.prompt.push_back(token.id);
    ATELIER_TRY(auto handle, engine_.submit(std::move(request)));
    running_.push_back({.handle = std::move(handle)});
  }
  listen();
  return {};
}

void BeamRun::listen() {
  for (Running& running : running_) {
    running.handle->on_update([wakes = wakes_] {
      for (const auto& wake : wakes) {
        if (wake) wake();
      }
    });
  }
}

void BeamRun::ring() const {
  for (const auto& wake : wakes_) {
    if (wake) wake();
  }
}

void BeamRun::on_update(std::size_t beam, std::function<void()> wake) {
  if (wakes_.size() <= beam) wakes_.resize(beam + 1);
  wakes_[beam] = std::move(wake);
  listen();
  if ((best_ || failed_) && wakes_[beam]) wakes_[beam]();
}

void BeamRun::gather(Running& running, GenerationUpdate update) {
  std::ranges::move(update.tokens, std::back_inserter(running.news.tokens));
  if (update.end) running.news.end = std::move(update.end);
}

void BeamRun::poll() {
  if (best_ || failed_) return;
  for (Running& running : running_) {
    if (!running.news.end) gather(running, running.handle->take());
  }
  if (std::ranges::all_of(running_, [](const Running& running) { return running.news.end.has_value(); }))
    step();
}

void BeamRun::wait() {
  if (best_ || failed_) return;
  for (Running& running : running_) {
    while (!running.news.end) gather(running, running.handle->wait());
  }
  step();
}

void BeamRun::step() {
  if (cancelled_) return fail_all({.reason = FinishReason::kCancelled});
  std::vector<std::vector<sample::TokenLogprob>> next;
  for (Running& running : running_) {
    if (!facts_) facts_ = running.news.end->facts;
    facts_->last_token = running.news.end->facts.last_token;
    if (running.news.tokens.empty()) return fail_all(*running.news.end);  // cancelled or failed
    next.push_back(std::move(running.news.tokens.front().top));
  }
  search_.advance(std::move(next));
  if (search_.done()) {
    best_ = search_.best();
    running_.clear();
    return ring();
  }
  if (const auto went_on = go_on(); !went_on) {
    fail_all(
        {.reason = FinishReason::kFailed, .error = went_on.error().message, .fault = went_on.error().fault});
  }
}

void BeamRun::fail_all(GenerationEnd end) {
  failed_ = std::move(end);
  running_.clear();
  ring();
}

void BeamRun::cancel() {
  cancelled_ = true;
  for (Running& running : running_) running.handle->cancel();
}

GenerationUpdate BeamRun::outcome(std::size_t beam) const {
  if (failed_) return {.prompt = {}, .tokens = {}, .begun = {}, .end = failed_};
  if (!best_) return {};
  // Of a tiny vocabulary there may be fewer answers than asked for: the last is told again.
  const sample::Beam& told = (*best_)[std::min(beam, best_->size() - 1)];
  GenerationUpdate update;
  for (const sample::Beam::Token& token : told.tokens) {
    const auto& all = *token.candidates;
    const auto count = std::min<std::ptrdiff_t>(std::max(logprobs_, 0), std::ssize(all));
    update.tokens.push_back(
        {.id = token.id, .logprob = token.logprob, .top = {all.begin(), all.begin() + count}});
  }
  update.end = GenerationEnd{.reason = told.end_id >= 0 ? FinishReason::kStop : FinishReason::kLength,
                             .stop_id = told.end_id,
                             .stop_logprob = told.end_logprob,
                             .facts = facts_.value_or(GenerationFacts{})};
  return update;
}

class BeamHandle final : public GenerationHandle {
 public:
  BeamHandle(std::shared_ptr<BeamRun> run, std::size_t beam) : run_(std::move(run)), beam_(beam) {}
  ~BeamHandle() override { run_->on_update(beam_, {}); }

  GenerationUpdate take() override {
    if (taken_) return {};
    run_->poll();
    GenerationUpdate update = run_->outcome(beam_);
    taken_ = update.end.has_value();
    return update;
  }
  GenerationUpdate wait() override {
    GenerationUpdate update = run_->outcome(beam_);
    while (!update.end) {
      run_->wait();
      update = run_->outcome(beam_);
    }
    if (std::exchange(taken_, true)) update.tokens.clear();
    return update;
  }
  void on_update(std::function<void()> wake) override { run_->on_update(beam_, std::move(wake)); }
  void cancel() override { run_->cancel(); }

 private:
  std::shared_ptr<BeamRun> run_;
  const std::size_t beam_;
  bool taken_ = false;
};

}  // namespace

Result<std::vector<std::unique_ptr<GenerationHandle>>> submit_beams(Engine& engine, GenerationRequest request,
                                                                    const BeamTerms& terms) {
  sample::BeamOptions options{.width = terms.width,
                              .length_penalty = terms.length_penalty,
                              .prompt_tokens = std::ssize(request.prompt),
                              .max_tokens = request.max_tokens};
  options.max_tokens = std::min(options.max_tokens, engine.config().max_model_len - options.prompt_tokens);
  if (!request.ignore_eos) options.end_ids = request.stop_ids;
  const std::int32_t logprobs = request.sampling.logprobs;
  request.sampling = {.temperature = 0, .logprobs = std::max(logprobs, options.candidates())};
  request.prompt_logprobs = -1;
  request.reach_tokens = options.prompt_tokens + options.max_tokens;
  request.max_tokens = 1;
  request.ignore_eos = true;  // what ends a beam is for the search to say
  const auto run =
      std::make_shared<BeamRun>(engine, std::move(request), sample::BeamSearch(options), logprobs);
  ATELIER_TRY_STATUS(run->go_on());
  std::vector<std::unique_ptr<GenerationHandle>> handles;
  for (int i = 0; i < terms.width; ++i)
    handles.push_back(std::make_unique<BeamHandle>(run, static_cast<std::size_t>(i)));
  return handles;
}

}  // namespace atelier::engine
