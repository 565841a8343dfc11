#include "engine/mailbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace atelier::engine {

void Mailbox::deliver(std::optional<TokenEvent> token, std::optional<GenerationEnd> end) {
  {
    const std::lock_guard lock(mutex_);
    ATELIER_CHECK(!end_);
    if (token) news_.tokens.push_back(*std::move(token));
    if (end) end_ = std::move(end);
  }
  ring();
}

void Mailbox::deliver_prompt(std::vector<sample::TokenScore> scores) {
  {
    const std::lock_guard lock(mutex_);
    ATELIER_CHECK(!end_ && news_.tokens.empty());
    std::ranges::move(scores, std::back_inserter(news_.prompt));
  }
  ring();
}

void Mailbox::ring() {
  came_.notify_one();
  const std::lock_guard lock(wake_mutex_);
  if (wake_) wake_();
}

void Mailbox::begin(const GenerationFacts& facts) {
  const std::lock_guard lock(mutex_);
  news_.begun = facts;
}

GenerationUpdate Mailbox::take() {
  const std::lock_guard lock(mutex_);
  GenerationUpdate update = std::exchange(news_, {});
  if (!std::exchange(end_taken_, end_.has_value())) update.end = end_;
  return update;
}

GenerationUpdate Mailbox::wait() {
  std::unique_lock lock(mutex_);
  came_.wait(lock, [&] { return has_news() || end_; });
  end_taken_ = end_.has_value();
  GenerationUpdate update = std::exchange(news_, {});
  update.end = end_;
  return update;
}

void Mailbox::on_update(std::function<void()> wake) {
  const std::lock_guard lock(wake_mutex_);
  wake_ = std::move(wake);
  if (!wake_) return;
  const bool something = [&] {
    const std::lock_guard inner(mutex_);
    return has_news() || (end_ && !end_taken_);
  }();
  if (something) wake_();
}

namespace {

class Handle final : public GenerationHandle {
 public:
  explicit Handle(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}
  ~Handle() override {
    mailbox_->cancel();
    mailbox_->on_update({});
  }
  GenerationUpdate take() override { return mailbox_->take(); }
  GenerationUpdate wait() override { return mailbox_->wait(); }
  void on_update(std::function<void()> wake) override { mailbox_->on_update(std::move(wake)); }
  void cancel() override { mailbox_->cancel(); }

 private:
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace

std::unique_ptr<GenerationHandle> make_handle(std::shared_ptr<Mailbox> mailbox) {
  return std::make_unique<Handle>(std::move(mailbox));
}

}  // namespace atelier::engine
