#include "http/register.h"

#include "http/connection.h"

namespace atelier::http {

std::optional<std::uint64_t> Register::enter(const std::string& address, int most, int most_in_all) {
  std::lock_guard lock(mutex_);
  if (open_.size() >= static_cast<std::size_t>(most_in_all)) return std::nullopt;
  int& count = by_address_[address];
  if (count >= most) return std::nullopt;
  ++count;
  open_[next_] = {};
  return next_++;
}

void Register::attach(std::uint64_t id, std::weak_ptr<Connection> connection) {
  std::lock_guard lock(mutex_);
  open_[id] = std::move(connection);
}

void Register::leave(std::uint64_t id, const std::string& address) {
  std::lock_guard lock(mutex_);
  open_.erase(id);
  if (const auto entry = by_address_.find(address); entry != by_address_.end() && --entry->second <= 0) {
    by_address_.erase(entry);
  }
}

std::size_t Register::size() const {
  std::lock_guard lock(mutex_);
  return open_.size();
}

std::vector<std::shared_ptr<Connection>> Register::all() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Connection>> connections;
  for (const auto& [id, connection] : open_) {
    if (auto alive = connection.lock()) connections.push_back(std::move(alive));
  }
  return connections;
}

}  // namespace atelier::http
