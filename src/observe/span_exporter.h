// The SpanExporter brings spans to an OTLP/HTTP collector, in a thread of its own: nobody waits for it. What
// its queue does not hold, or the collector does not take, is dropped and counted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "observe/span.h"

namespace atelier::observe {

class SpanExporter {
 public:
  // `url`: "http://collector:4318", where /v1/traces is understood, or a whole address with its path.
  SpanExporter(const std::string& url, std::string version);
  ~SpanExporter();  // what is queued is still sent, for two seconds at most

  void send(Span span);  // any thread; never blocks
  std::int64_t dropped() const { return dropped_; }

 private:
  void run(const std::stop_token& stop);
  std::vector<Span> next_batch(const std::stop_token& stop);  // empty: it is time to end
  void note_dropped(std::size_t spans, const std::string& why);

  std::string base_url_, path_;
  const std::string version_;
  std::atomic<std::int64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable_any came_;
  std::deque<Span> queue_;        // guarded by mutex_
  std::atomic<bool> complained_;  // once until something goes through again
  std::jthread thread_;           // last: it starts when all else stands
};

}  // namespace atelier::observe
