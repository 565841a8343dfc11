#include "cache/prefix_keys.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace atelier::cache {
namespace {

constexpr std::uint32_t kGeneratedMark = 1u << 31;  // token ids are below

BlockKey digest(std::span<const std::uint8_t> bytes) {
  BlockKey key;
  ::SHA256(bytes.data(), bytes.size(), key.data());
  return key;
}

}  // namespace

std::size_t BlockKeyHash::operator()(const BlockKey& key) const {
  std::size_t head;
  std::memcpy(&head, key.data(), sizeof head);  // any eight bytes of a digest are a good hash
  return head;
}

PrefixKeys::PrefixKeys(std::string_view salt, std::int64_t block_tokens)
    : block_tokens_(block_tokens),
      parent_(digest({reinterpret_cast<const std::uint8_t*>(salt.data()), salt.size()})) {
  ATELIER_CHECK(block_tokens > 0);
  open_.reserve(static_cast<std::size_t>(block_tokens));
}

void PrefixKeys::extend(std::span<const std::int32_t> tokens, bool generated) {
  if (block_tokens_ == 0) return;
  const auto size = static_cast<std::size_t>(block_tokens_);
  for (const std::int32_t token : tokens) {
    open_.push_back(static_cast<std::uint32_t>(token) | (generated ? kGeneratedMark : 0));
    if (open_.size() == size) close_block();
  }
}

void PrefixKeys::close_block() {
  std::vector<std::uint8_t> bytes(parent_.size() + open_.size() * sizeof(open_[0]));
  std::ranges::copy(parent_, bytes.begin());
  std::memcpy(bytes.data() + parent_.size(), open_.data(), open_.size() * sizeof(open_[0]));
  parent_ = digest(bytes);
  keys_.push_back(parent_);
  open_.clear();
}

}  // namespace atelier::cache
