#include "server/rate_limiter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace atelier::server {
namespace {

constexpr double kMinute = 60;
constexpr const char* kEverybodyElse = "";  // no client's name is empty

double rate(std::int64_t per_minute) {
  return static_cast<double>(per_minute) / kMinute;
}

// Seconds until a bucket has drained to `level`.
double seconds_to(double used, double level, std::int64_t per_minute) {
  return per_minute > 0 ? std::max(0.0, (used - level) / rate(per_minute)) : 0.0;
}

void add_headers(std::vector<http::Header>& out, std::string_view what, double used,
                 std::int64_t per_minute) {
  const auto left = static_cast<std::int64_t>(std::floor(static_cast<double>(per_minute) - used + 1e-9));
  out.push_back({fmt::format("x-ratelimit-limit-{}", what), std::to_string(per_minute)});
  out.push_back(
      {fmt::format("x-ratelimit-remaining-{}", what), std::to_string(std::max<std::int64_t>(left, 0))});
  out.push_back({fmt::format("x-ratelimit-reset-{}", what), span_text(seconds_to(used, 0, per_minute))});
}

}  // namespace

std::string span_text(double seconds) {
  if (seconds < 1) return fmt::format("{}ms", static_cast<std::int64_t>(std::ceil(seconds * 1000)));
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  return whole < 60 ? fmt::format("{}s", whole) : fmt::format("{}m{}s", whole / 60, whole % 60);
}

RateLimiter::RateLimiter(RateLimits limits, std::size_t max_clients)
    : limits_(limits), max_clients_(std::max<std::size_t>(max_clients, 1)) {}

std::size_t RateLimiter::clients() const {
  std::lock_guard lock(mutex_);
  return clients_.size();
}

void RateLimiter::drain(Buckets& buckets, Clock::time_point now) const {
  const double seconds = std::max(0.0, std::chrono::duration<double>(now - buckets.seen).count());
  buckets.requests = std::max(0.0, buckets.requests - seconds * rate(limits_.requests_per_minute));
  buckets.tokens = std::max(0.0, buckets.tokens - seconds * rate(limits_.tokens_per_minute));
  buckets.seen = std::max(buckets.seen, now);
}

// Empty buckets say nothing: whose are let go is as new when it comes again. At most once a second, as it
// looks at everybody.
void RateLimiter::forget_idle(Clock::time_point now) {
  if (now - swept_ < std::chrono::seconds(1)) return;
  swept_ = now;
  std::erase_if(clients_, [&](const auto& entry) {
    Buckets buckets = entry.second;
    drain(buckets, now);
    return buckets.requests <= 0 && buckets.tokens <= 0;
  });
}

RateLimiter::Buckets& RateLimiter::drained(const std::string& client, Clock::time_point now) {
  if (!clients_.contains(client) && clients_.size() >= max_clients_) forget_idle(now);
  const bool known = clients_.contains(client) || clients_.size() < max_clients_;
  Buckets& buckets =
      clients_.try_emplace(known ? client : kEverybodyElse, Buckets{.seen = now}).first->second;
  drain(buckets, now);
  return buckets;
}

std::vector<http::Header> RateLimiter::headers(const Buckets& buckets) const {
  std::vector<http::Header> out;
  if (limits_.requests_per_minute > 0)
    add_headers(out, "requests", buckets.requests, limits_.requests_per_minute);
  if (limits_.tokens_per_minute > 0) add_headers(out, "tokens", buckets.tokens, limits_.tokens_per_minute);
  return out;
}

RateLimiter::Standing RateLimiter::admit(const std::string& client, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  Buckets& buckets = drained(client, now);
  const auto most_requests = static_cast<double>(limits_.requests_per_minute);
  const auto most_tokens = static_cast<double>(limits_.tokens_per_minute);
  const double for_requests = seconds_to(buckets.requests, most_requests - 1, limits_.requests_per_minute);
  const double for_tokens = seconds_to(buckets.tokens, most_tokens - 1, limits_.tokens_per_minute);
  Standing standing;
  standing.admitted = for_requests <= 0 && for_tokens <= 0;
  if (standing.admitted) {
    buckets.requests += 1;
  } else {
    standing.by_tokens = for_tokens > for_requests;
    const double wait = std::ceil(std::max(for_requests, for_tokens));
    standing.retry_after = std::chrono::seconds(std::max<std::int64_t>(static_cast<std::int64_t>(wait), 1));
  }
  standing.headers = headers(buckets);
  return standing;
}

void RateLimiter::settle(const std::string& client, std::int64_t tokens, Clock::time_point now) {
  if (tokens <= 0 || limits_.tokens_per_minute <= 0) return;
  std::lock_guard lock(mutex_);
  drained(client, now).tokens += static_cast<double>(tokens);
}

}  // namespace atelier::server
