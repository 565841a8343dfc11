#include "server/response_store.h"

#include <utility>

namespace atelier::server {

void ResponseStore::keep(StoredResponse response) {
  const std::size_t bytes = response.bytes();
  if (bytes > limits_.bytes || limits_.responses == 0) return;
  const std::lock_guard lock(mutex_);
  if (const auto place = places_.find(response.id); place != places_.end()) forget(place->second);
  while (order_.size() >= limits_.responses || bytes_ + bytes > limits_.bytes) forget(order_.begin());
  bytes_ += bytes;
  order_.push_back(std::make_shared<const StoredResponse>(std::move(response)));
  places_[order_.back()->id] = std::prev(order_.end());
}

std::shared_ptr<const StoredResponse> ResponseStore::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(id);
  return place == places_.end() ? nullptr : *place->second;
}

bool ResponseStore::drop(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(id);
  if (place == places_.end()) return false;
  forget(place->second);
  return true;
}

void ResponseStore::forget(Order::iterator place) {
  bytes_ -= (*place)->bytes();
  places_.erase((*place)->id);
  order_.erase(place);
}

}  // namespace atelier::server
