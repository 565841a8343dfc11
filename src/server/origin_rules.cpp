#include "server/origin_rules.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace atelier::server {
namespace {

constexpr std::string_view kEveryMethod = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
// what a page's script can read of an answer
constexpr std::string_view kExposed =
    "X-Request-Id, Retry-After, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, "
    "x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, "
    "x-ratelimit-reset-tokens";
constexpr std::string_view kPreflightSeconds = "600";

bool is_any(const std::vector<std::string>& list) {
  return std::ranges::find(list, "*") != list.end();
}

}  // namespace

bool OriginRules::lets_in(std::string_view origin) const {
  return !origin.empty() &&
         (is_any(options_.origins) || std::ranges::find(options_.origins, origin) != options_.origins.end());
}

std::vector<http::Header> OriginRules::headers_for(const http::Request& request) const {
  if (options_.origins.empty()) return {};
  const std::string_view origin = request.header("Origin");
  std::vector<http::Header> headers;
  // with credentials "*" would not do: the origin itself must be named
  const bool star = is_any(options_.origins) && !options_.allow_credentials;
  if (!star) headers.push_back({"Vary", "Origin"});
  if (!lets_in(origin)) return headers;
  headers.push_back({"Access-Control-Allow-Origin", star ? "*" : std::string(origin)});
  headers.push_back({"Access-Control-Expose-Headers", std::string(kExposed)});
  if (options_.allow_credentials) headers.push_back({"Access-Control-Allow-Credentials", "true"});
  return headers;
}

bool OriginRules::is_preflight(const http::Request& request) const {
  return request.method == "OPTIONS" && !request.header("Access-Control-Request-Method").empty() &&
         lets_in(request.header("Origin"));
}

http::Response OriginRules::answer_preflight(const http::Request& request) const {
  const std::string methods = is_any(options_.methods) ? std::string(kEveryMethod)
                                                       : fmt::format("{}", fmt::join(options_.methods, ", "));
  http::Response response{.status = 204,
                          .headers = {{"Access-Control-Allow-Methods", methods},
                                      {"Access-Control-Max-Age", std::string(kPreflightSeconds)}},
                          .body = {}};
  // "*" does not stand for Authorization: what the browser asks for is named
  const std::string asked(request.header("Access-Control-Request-Headers"));
  const std::string allowed =
      is_any(options_.headers) ? asked : fmt::format("{}", fmt::join(options_.headers, ", "));
  if (!allowed.empty()) response.headers.push_back({"Access-Control-Allow-Headers", allowed});
  return response;
}

}  // namespace atelier::server
