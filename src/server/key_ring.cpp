#include "server/key_ring.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"

namespace atelier::server {

KeyRing::KeyRing(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) digests_.push_back(digest_of(key));
}

KeyRing::Digest KeyRing::digest_of(std::string_view key) {
  Digest digest{};
  unsigned int length = 0;
  ATELIER_CHECK(EVP_Digest(key.data(), key.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
  ATELIER_CHECK(length == digest.size());
  return digest;
}

std::optional<std::size_t> KeyRing::find(std::string_view key) const {
  const Digest shown = digest_of(key);
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < digests_.size(); ++i) {  // all of them, whichever fits
    if (CRYPTO_memcmp(shown.data(), digests_[i].data(), shown.size()) == 0) found = i;
  }
  return found;
}

std::string_view shown_key(const http::Request& request) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view value = request.header("Authorization");
  if (value.size() > kScheme.size() && http::equal_ignoring_case(value.substr(0, kScheme.size()), kScheme)) {
    const std::size_t begin = value.find_first_not_of(' ', kScheme.size());
    return begin == std::string_view::npos ? std::string_view() : value.substr(begin);
  }
  return request.header("x-api-key");
}

}  // namespace atelier::server
