#include "text/jinja_arena.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "text/jinja_error.h"

namespace atelier::text::jinja {

void* Arena::allocate(std::size_t bytes, std::size_t alignment) {
  const auto misaligned = reinterpret_cast<std::uintptr_t>(free_) & (alignment - 1);
  const std::size_t padding = misaligned == 0 ? 0 : alignment - misaligned;
  if (static_cast<std::size_t>(end_ - free_) < bytes + padding) {
    add_block(bytes);
    return allocate(bytes, alignment);
  }
  std::byte* at = free_ + padding;
  free_ = at + bytes;
  return at;
}

const char* Arena::copy(std::string_view text) {
  if (text.empty()) return "";
  char* at = static_cast<char*>(allocate(text.size(), 1));
  std::memcpy(at, text.data(), text.size());
  return at;
}

bool Arena::extend(const char* end, std::string_view more) {
  if (reinterpret_cast<const std::byte*>(end) != free_) return false;
  if (static_cast<std::size_t>(end_ - free_) < more.size()) return false;
  std::memmove(free_, more.data(), more.size());
  free_ += more.size();
  return true;
}

void Arena::refuse() const {
  raise(ErrorKind::kLimit, "the template needs more than {} bytes of memory", limit_bytes_);
}

// Blocks double from 16 KiB to 1 MiB: a short conversation takes one, a long one does not take many.
void Arena::add_block(std::size_t at_least) {
  const std::size_t usual = std::min<std::size_t>(std::size_t{1} << 20, std::size_t{16384} << blocks_.size());
  const std::size_t bytes = std::max(usual, at_least + 16);
  if (bytes > limit_bytes_ - std::min(limit_bytes_, reserved_bytes_)) refuse();
  blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
  reserved_bytes_ += bytes;
  free_ = blocks_.back().get();
  end_ = free_ + bytes;
}

}  // namespace atelier::text::jinja
