#include "server/gate.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>

namespace atelier::server {
namespace {

constexpr std::string_view kNoKey =
    "This server needs a key: send it as \"Authorization: Bearer KEY\" or as \"x-api-key: KEY\".";
constexpr std::string_view kWrongKey = "The key is not one of this server's.";

void refuse_key(Call& call, bool shown) {
  call.add_header("WWW-Authenticate", "Bearer");
  call.refuse({.status = 401,
               .type = "invalid_request_error",
               .code = "invalid_api_key",
               .message = shown ? kWrongKey : kNoKey});
}

void refuse_rate(Call& call, const RateLimiter::Standing& standing, const RateLimits& limits) {
  call.add_header("Retry-After", std::to_string(standing.retry_after.count()));
  const std::string message =
      fmt::format("Rate limit reached: {} {} per minute. Try again in {} s.",
                  standing.by_tokens ? limits.tokens_per_minute : limits.requests_per_minute,
                  standing.by_tokens ? "tokens" : "requests", standing.retry_after.count());
  call.refuse({.status = 429, .type = "rate_limit_error", .code = "rate_limit_exceeded", .message = message});
}

}  // namespace

std::string client_address(std::string_view remote) {
  in6_addr address{};
  const std::string text(remote);
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1 || IN6_IS_ADDR_V4MAPPED(&address)) return text;
  std::memset(address.s6_addr + 8, 0, 8);
  char out[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, &address, out, sizeof(out));
  return std::string(out) + "/64";
}

Gate::Gate(GateOptions options)
    : keys_(options.keys), origins_(std::move(options.origins)), limiter_(options.limits) {}

bool Gate::admit(Call& call, bool open) {
  for (http::Header& header : origins_.headers_for(call.request())) {
    call.add_header(std::move(header.name), std::move(header.value));
  }
  if (origins_.is_preflight(call.request())) {
    call.respond(origins_.answer_preflight(call.request()));
    return false;
  }
  // a browser asks OPTIONS without the key
  if (open || call.request().method == "OPTIONS") return true;
  std::optional<std::size_t> key;
  if (!keys_.empty()) {
    const std::string_view shown = shown_key(call.request());
    key = keys_.find(shown);
    if (!key) {
      refuse_key(call, !shown.empty());
      return false;
    }
  }
  return call.request().method != "POST" || check_limits(call, key);
}

bool Gate::check_limits(Call& call, std::optional<std::size_t> key) {
  if (!limiter_.active()) return true;
  const std::string client = key ? fmt::format("key {}", *key) : client_address(call.request().remote);
  const RateLimiter::Standing standing = limiter_.admit(client);
  for (const http::Header& header : standing.headers) call.add_header(header.name, header.value);
  if (!standing.admitted) {
    refuse_rate(call, standing, limiter_.limits());
    return false;
  }
  call.hold(std::make_unique<Ticket>(limiter_, client));
  return true;
}

}  // namespace atelier::server
