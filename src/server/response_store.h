// The ResponseStore is what /v1/responses remembers, so that a later request can go on: in memory, bounded by
// number and bytes, the oldest forgotten first. Any thread.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace atelier::server {

struct StoredResponse {
  std::string id;
  std::string json;          // the response as it was sent
  std::string conversation;  // all messages up to and with its answer, as a JSON list

  std::size_t bytes() const { return id.size() + json.size() + conversation.size(); }
};

class ResponseStore {
 public:
  struct Limits {
    std::size_t responses = 1024;
    std::size_t bytes = 64u << 20;
  };
  explicit ResponseStore(Limits limits) : limits_(limits) {}

  void keep(StoredResponse response);  // one that alone is over the limit is not kept
  std::shared_ptr<const StoredResponse> find(const std::string& id) const;  // nullptr: not (or no more) there
  bool drop(const std::string& id);                                         // false: it was not there

 private:
  using Order = std::list<std::shared_ptr<const StoredResponse>>;  // oldest first
  void forget(Order::iterator place);                              // mutex_ is held

  const Limits limits_;
  mutable std::mutex mutex_;  // guards what follows
  Order order_;
  std::unordered_map<std::string, Order::iterator> places_;
  std::size_t bytes_ = 0;
};

}  // namespace atelier::server
