#include "engine/mailbox.h"

#include <utility>

#include "base/check.h"

namespace atelier::engine {

void Mailbox::deliver(std::optional<TokenEvent> token, std::optional<GenerationEnd> end) {
  {
    const std::lock_guard lock(mutex_);
    ATELIER_CHECK(!end_);
    if (token) tokens_.push_back(*std::move(token));
    if (end) end_ = std::move(end);
  }
  came_.notify_one();
  const std::lock_guard lock(wake_mutex_);
  if (wake_) wake_();
}

void Mailbox::begin(const GenerationFacts& facts) {
  const std::lock_guard lock(mutex_);
  begun_ = facts;
}

GenerationUpdate Mailbox::take() {
  const std::lock_guard lock(mutex_);
  GenerationUpdate update{
      .tokens = std::exchange(tokens_, {}), .begun = std::exchange(begun_, {}), .end = {}};
  if (!std::exchange(end_taken_, end_.has_value())) update.end = end_;
  return update;
}

GenerationUpdate Mailbox::wait() {
  std::unique_lock lock(mutex_);
  came_.wait(lock, [&] { return !tokens_.empty() || end_; });
  end_taken_ = end_.has_value();
  return {.tokens = std::exchange(tokens_, {}), .begun = std::exchange(begun_, {}), .end = end_};
}

void Mailbox::on_update(std::function<void()> wake) {
  const std::lock_guard lock(wake_mutex_);
  wake_ = std::move(wake);
  if (!wake_) return;
  const bool something = [&] {
    const std::lock_guard inner(mutex_);
    return !tokens_.empty() || (end_ && !end_taken_);
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
