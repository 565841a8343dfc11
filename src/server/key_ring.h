// The KeyRing holds the keys that let clients in: as SHA-256 digests, compared in constant time, so that
// neither memory nor timing tells one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace atelier::server {

class KeyRing {
 public:
  explicit KeyRing(const std::vector<std::string>& keys);

  bool empty() const { return digests_.empty(); }

  // Which of the keys this is; nullopt: none of them. Any thread.
  std::optional<std::size_t> find(std::string_view key) const;

 private:
  using Digest = std::array<std::uint8_t, 32>;
  static Digest digest_of(std::string_view key);

  std::vector<Digest> digests_;
};

// What a client shows: "Authorization: Bearer KEY" or "x-api-key: KEY"; "" where there is none.
std::string_view shown_key(const http::Request& request);

}  // namespace atelier::server
