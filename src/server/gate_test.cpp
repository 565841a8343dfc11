#include "server/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::server {
namespace {

using std::chrono::seconds;
using testing::IsEmpty;

std::string header(const std::vector<http::Header>& headers, std::string_view name) {
  for (const http::Header& one : headers) {
    if (http::equal_ignoring_case(one.name, name)) return one.value;
  }
  return "";
}

http::Request request(std::vector<http::Header> headers, std::string method = "POST") {
  http::Request out;
  out.method = std::move(method);
  out.headers = std::move(headers);
  return out;
}

TEST(KeyRing, FindsWholeKeysOnly) {
  const KeyRing ring({"alpha", "beta"});
  EXPECT_EQ(ring.find("alpha"), 0u);
  EXPECT_EQ(ring.find("beta"), 1u);
  for (const char* wrong : {"", "alph", "alphaa", "Alpha", "alpha "})
    EXPECT_EQ(ring.find(wrong), std::nullopt);
  EXPECT_TRUE(KeyRing({}).empty());
}

TEST(KeyRing, ReadsWhatClientsShow) {
  EXPECT_EQ(shown_key(request({{"Authorization", "Bearer abc"}})), "abc");
  EXPECT_EQ(shown_key(request({{"authorization", "bearer  abc"}})), "abc");
  EXPECT_EQ(shown_key(request({{"x-api-key", "abc"}})), "abc");
  EXPECT_EQ(shown_key(request({{"Authorization", "Basic abc"}})), "");
  EXPECT_EQ(shown_key(request({{"Authorization", "Bearer"}})), "");
  EXPECT_EQ(shown_key(request({})), "");
}

TEST(RateLimiter, AMinutesWorthMayComeAtOnceAndDrainsEvenly) {
  RateLimiter limiter({.requests_per_minute = 30});
  const RateLimiter::Clock::time_point start{};
  for (int i = 0; i < 30; ++i) {
    const auto standing = limiter.admit("a", start);
    EXPECT_TRUE(standing.admitted);
    EXPECT_EQ(header(standing.headers, "x-ratelimit-limit-requests"), "30");
    EXPECT_EQ(header(standing.headers, "x-ratelimit-remaining-requests"), std::to_string(29 - i));
  }
  const auto refused = limiter.admit("a", start);
  EXPECT_FALSE(refused.admitted);
  EXPECT_FALSE(refused.by_tokens);
  EXPECT_EQ(refused.retry_after, seconds(2));
  EXPECT_EQ(header(refused.headers, "x-ratelimit-reset-requests"), "1m0s");
  EXPECT_TRUE(limiter.admit("b", start).admitted);  // somebody else
  EXPECT_TRUE(limiter.admit("a", start + seconds(2)).admitted);
  EXPECT_FALSE(limiter.admit("a", start + seconds(2)).admitted);
}

TEST(RateLimiter, TokensAreSettledAtTheEnd) {
  RateLimiter limiter({.tokens_per_minute = 600});
  const RateLimiter::Clock::time_point start{};
  EXPECT_TRUE(limiter.admit("a", start).admitted);
  EXPECT_TRUE(limiter.admit("a", start).admitted);
  limiter.settle("a", 700, start);
  const auto refused = limiter.admit("a", start);
  EXPECT_FALSE(refused.admitted);
  EXPECT_TRUE(refused.by_tokens);
  EXPECT_EQ(header(refused.headers, "x-ratelimit-remaining-tokens"), "0");
  EXPECT_TRUE(limiter.admit("a", start + refused.retry_after).admitted);
  EXPECT_GT(refused.retry_after, seconds(9));
}

TEST(RateLimiter, KnowsABoundedNumberOfClients) {
  RateLimiter limiter({.requests_per_minute = 2}, 100);
  const RateLimiter::Clock::time_point start{};
  int admitted = 0;
  for (int i = 0; i < 1000; ++i) admitted += limiter.admit("client " + std::to_string(i), start).admitted;
  EXPECT_LE(limiter.clients(), 101u);
  EXPECT_EQ(admitted, 102);  // those beyond share one bucket: no way around the limit by changing names
  EXPECT_TRUE(limiter.admit("later", start + seconds(120)).admitted);
  EXPECT_LE(limiter.clients(), 2u);  // who has been idle is forgotten
}

TEST(RateLimiter, WritesSpansAsOpenAi) {
  EXPECT_EQ(span_text(0), "0ms");
  EXPECT_EQ(span_text(0.12), "120ms");
  EXPECT_EQ(span_text(1), "1s");
  EXPECT_EQ(span_text(59.2), "1m0s");
  EXPECT_EQ(span_text(360), "6m0s");
}

TEST(OriginRules, LetInNobodyUnlessTold) {
  const OriginRules closed({});
  const auto asked =
      request({{"Origin", "https://a.example"}, {"Access-Control-Request-Method", "POST"}}, "OPTIONS");
  EXPECT_THAT(closed.headers_for(asked), IsEmpty());
  EXPECT_FALSE(closed.is_preflight(asked));
}

TEST(OriginRules, NameTheOriginOrAll) {
  const OriginRules one({.origins = {"https://a.example"}, .headers = {"X-One", "X-Two"}});
  const auto from = [](const char* origin) {
    return request({{"Origin", origin}, {"Access-Control-Request-Method", "POST"}}, "OPTIONS");
  };
  EXPECT_EQ(header(one.headers_for(from("https://a.example")), "Access-Control-Allow-Origin"),
            "https://a.example");
  EXPECT_EQ(header(one.headers_for(from("https://b.example")), "Access-Control-Allow-Origin"), "");
  EXPECT_EQ(header(one.headers_for(from("https://b.example")), "Vary"),
            "Origin");  // caches must tell them apart
  EXPECT_TRUE(one.is_preflight(from("https://a.example")));
  EXPECT_FALSE(one.is_preflight(from("https://b.example")));
  EXPECT_EQ(header(one.answer_preflight(from("https://a.example")).headers, "Access-Control-Allow-Headers"),
            "X-One, X-Two");

  const OriginRules all({.origins = {"*"}});
  EXPECT_EQ(header(all.headers_for(from("https://x.example")), "Access-Control-Allow-Origin"), "*");
  const OriginRules cookies({.origins = {"*"}, .allow_credentials = true});
  const auto headers = cookies.headers_for(from("https://x.example"));
  EXPECT_EQ(header(headers, "Access-Control-Allow-Origin"), "https://x.example");
  EXPECT_EQ(header(headers, "Access-Control-Allow-Credentials"), "true");
}

TEST(ClientAddress, TakesAnIpv6NetworkAsOneClient) {
  EXPECT_EQ(client_address("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(client_address("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(client_address("2001:db8:1:2:ffff::1"), client_address("2001:db8:1:2::9"));
  EXPECT_NE(client_address("::ffff:192.0.2.7"), client_address("::ffff:192.0.2.8"));
}

}  // namespace
}  // namespace atelier::server
