// A Mailbox is where the engine thread leaves one generation's tokens and its client fetches them. It holds
// at most the generation's max_tokens events, and the scores of its prompt's tokens where they were asked
// for; it lives as long as the longer of the two sides.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/generation.h"

namespace atelier::engine {

// Thread-safe: deliver() from the engine thread, the rest from the client's.
class Mailbox {
 public:
  // One token, or the end, or both; nothing may follow the end.
  void deliver(std::optional<TokenEvent> token, std::optional<GenerationEnd> end);

  // From the engine thread, once: with the generation's first token.
  void begin(const GenerationFacts& facts);
  // More scores of the prompt's tokens, before any token.
  void deliver_prompt(std::vector<sample::TokenScore> scores);

  GenerationUpdate take();  // what came since the last take; the end is taken once
  GenerationUpdate wait();  // blocks until there is something; after the end: the end again

  // Replaces the callback; {} removes it, and once that returned it is not running and will not run again.
  // Calls it at once, on this thread, if something is already there to take.
  void on_update(std::function<void()> wake);

  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_ = false;

  void ring();
  bool has_news() const { return !news_.tokens.empty() || !news_.prompt.empty(); }  // under mutex_

  std::mutex mutex_;
  std::condition_variable came_;
  GenerationUpdate news_;             // guarded by mutex_; not yet taken; without the end
  std::optional<GenerationEnd> end_;  // guarded by mutex_
  bool end_taken_ = false;            // guarded by mutex_

  std::mutex wake_mutex_;       // held while the callback runs
  std::function<void()> wake_;  // guarded by wake_mutex_
};

// The client's end of a mailbox; destroying it cancels what has not ended.
std::unique_ptr<GenerationHandle> make_handle(std::shared_ptr<Mailbox> mailbox);

}  // namespace atelier::engine
