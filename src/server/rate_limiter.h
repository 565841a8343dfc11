// The RateLimiter holds every client to so many requests and tokens per minute. Each has two leaky buckets: a
// minute's worth may come at once, and drains evenly. A Ticket is a client's right to one request; its end
// settles the tokens.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/message.h"

namespace atelier::server {

struct RateLimits {
  std::int64_t requests_per_minute = 0, tokens_per_minute = 0;  // 0: no limit
};

class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  // Of clients it knows at most `max_clients`; whoever comes beyond them shares one bucket.
  explicit RateLimiter(RateLimits limits, std::size_t max_clients = 16'384);

  bool active() const { return limits_.requests_per_minute > 0 || limits_.tokens_per_minute > 0; }

  // How a client stands: OpenAI's x-ratelimit-* headers.
  struct Standing {
    bool admitted = true;
    bool by_tokens = false;               // refused: by which of the two
    std::chrono::seconds retry_after{0};  // refused: when it is worth another try, at least 1 s
    std::vector<http::Header> headers;
  };
  // Counts the request if it is admitted. Any thread, as all of these.
  Standing admit(const std::string& client, Clock::time_point now = Clock::now());
  void settle(const std::string& client, std::int64_t tokens, Clock::time_point now = Clock::now());

  std::size_t clients() const;
  const RateLimits& limits() const { return limits_; }

 private:
  struct Buckets {
    double requests = 0, tokens = 0;  // what has not drained yet
    Clock::time_point seen;
  };
  Buckets& drained(const std::string& client, Clock::time_point now);
  void drain(Buckets& buckets, Clock::time_point now) const;
  void forget_idle(Clock::time_point now);
  std::vector<http::Header> headers(const Buckets& buckets) const;

  const RateLimits limits_;
  const std::size_t max_clients_;
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Buckets> clients_;
  Clock::time_point swept_;
};

class Ticket {
 public:
  Ticket(RateLimiter& limiter, std::string client) : limiter_(limiter), client_(std::move(client)) {}
  ~Ticket() { limiter_.settle(client_, tokens_); }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  void note(std::int64_t tokens) { tokens_ = tokens; }  // of prompt and output, all together

 private:
  RateLimiter& limiter_;
  const std::string client_;
  std::int64_t tokens_ = 0;
};

// "1s", "6m0s", "120ms": a span of time as OpenAI's headers write it.
std::string span_text(double seconds);

}  // namespace atelier::server
