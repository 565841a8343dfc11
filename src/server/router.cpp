#include "server/router.h"

#include <utility>

namespace atelier::server {
namespace {

bool fits(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with("/*")) return pattern == path;
  pattern.remove_suffix(1);
  return path.starts_with(pattern) && path.size() > pattern.size();
}

}  // namespace

void Router::add(std::string method, std::string path, Route route) {
  entries_.push_back({std::move(method), std::move(path), std::move(route)});
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  Match match;
  for (const Entry& entry : entries_) {
    if (!fits(entry.path, path)) continue;
    if (entry.method == wanted) {
      match.route = &entry.route;
      match.pattern = entry.path;
    }
    match.allow += entry.method == "GET" ? "GET, HEAD, " : entry.method + ", ";
  }
  if (!match.allow.empty()) match.allow += "OPTIONS";
  return match;
}

}  // namespace atelier::server
