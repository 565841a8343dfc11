#include "server/router.h"

#include <optional>

namespace atelier::server {
namespace {

// What stands in `path` for the pattern's parameter ("" where it has none); nullopt: the path does not fit.
std::optional<std::string_view> fit(std::string_view pattern, std::string_view path) {
  const std::size_t open = pattern.find('{');
  if (open == std::string_view::npos)
    return pattern == path ? std::optional(path.substr(0, 0)) : std::nullopt;
  const std::string_view before = pattern.substr(0, open), after = pattern.substr(pattern.find('}') + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
    return std::nullopt;
  path.remove_prefix(before.size());
  path.remove_suffix(after.size());
  const bool one_part = path.find('/') == std::string_view::npos;
  return one_part || after.empty() ? std::optional(path) : std::nullopt;
}

}  // namespace

Router::Match Router::find(std::string_view method, std::string_view path) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  Match match;
  for (const Endpoint& endpoint : endpoints_) {
    const std::string_view known = endpoint.operation.method;
    const auto parameter = fit(endpoint.operation.path, path);
    if (!parameter) continue;
    if (known == wanted) {
      match.endpoint = &endpoint;
      match.parameter = *parameter;
    }
    match.allow += known;
    match.allow += known == "GET" ? ", HEAD, " : ", ";
  }
  if (!match.allow.empty()) match.allow += "OPTIONS";
  return match;
}

std::vector<api::Operation> Router::operations() const {
  std::vector<api::Operation> out;
  for (const Endpoint& endpoint : endpoints_) out.push_back(endpoint.operation);
  return out;
}

}  // namespace atelier::server
