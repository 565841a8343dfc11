#include "load/load_run.h"

#include <sys/resource.h>

#include <memory>
#include <utility>

namespace atelier::load {
namespace {

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class Run {
 public:
  Run(client::Transfers& transfers, std::span<const LoadRequest> requests, const LoadPlan& plan,
      const std::function<void(std::int64_t)>& on_progress)
      : transfers_(transfers), requests_(requests), plan_(plan), on_progress_(on_progress) {
    result_.answers.resize(requests.size());
  }

  LoadResult to_the_end() {
    const double cpu_before = cpu_seconds();
    begin_ = client::Clock::now();
    while (ended_ < requests_.size()) {
      start_due();
      transfers_.step(next_start());
    }
    result_.duration_s = std::chrono::duration<double>(client::Clock::now() - begin_).count();
    result_.cpu_s = cpu_seconds() - cpu_before;
    return std::move(result_);
  }

 private:
  bool has_room() const { return static_cast<std::int64_t>(started_ - ended_) < plan_.max_concurrency; }
  client::Clock::time_point arrival(std::size_t index) const {
    return begin_ + std::chrono::duration_cast<client::Clock::duration>(
                        std::chrono::duration<double>(plan_.arrivals_s[index]));
  }

  void start_due() {
    while (started_ < requests_.size() && has_room() && arrival(started_) <= client::Clock::now())
      start(started_++);
  }

  // When the next request may be started; late where only an end makes room for it.
  client::Clock::time_point next_start() const {
    if (started_ < requests_.size() && has_room()) return arrival(started_);
    return client::Clock::now() + std::chrono::seconds(1);
  }

  void start(std::size_t index) {
    const LoadRequest& request = requests_[index];
    const auto reader = std::make_shared<AnswerReader>(AnswerReader::Terms{
        .run_begin = begin_, .input_tokens = request.input_tokens, .keep_text = plan_.keep_texts});
    transfers_.start(
        plan_.path, request.body,
        [reader](int status, std::string_view bytes) { reader->feed(status, bytes, client::Clock::now()); },
        [this, reader, index](const client::Outcome& outcome) {
          result_.answers[index] = reader->end(outcome, client::Clock::now());
          on_progress_(static_cast<std::int64_t>(++ended_));
          start_due();  // the place is free
        });
  }

  client::Transfers& transfers_;
  const std::span<const LoadRequest> requests_;
  const LoadPlan& plan_;
  const std::function<void(std::int64_t)>& on_progress_;
  client::Clock::time_point begin_;
  std::size_t started_ = 0, ended_ = 0;
  LoadResult result_;
};

}  // namespace

LoadResult run_load(client::Transfers& transfers, std::span<const LoadRequest> requests, const LoadPlan& plan,
                    const std::function<void(std::int64_t)>& on_progress) {
  return Run(transfers, requests, plan, on_progress).to_the_end();
}

}  // namespace atelier::load
