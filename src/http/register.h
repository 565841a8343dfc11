// The Register knows every open connection: to count them by address, and to close them at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace atelier::http {

class Connection;

// Any thread.
class Register {
 public:
  // nullopt: that address has `most` open already.
  std::optional<std::uint64_t> enter(const std::string& address, int most, int most_in_all);
  void attach(std::uint64_t id, std::weak_ptr<Connection> connection);
  void leave(std::uint64_t id, const std::string& address);
  std::size_t size() const;
  std::vector<std::shared_ptr<Connection>> all() const;

 private:
  mutable std::mutex mutex_;  // guards all below
  std::uint64_t next_ = 0;
  std::unordered_map<std::uint64_t, std::weak_ptr<Connection>> open_;
  std::unordered_map<std::string, int> by_address_;
};

}  // namespace atelier::http
