// An Arena holds everything one rendering creates; it is freed whole when the rendering ends. Nothing in it
// has a destructor, so values may point at each other in circles. The number of bytes is bounded.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace atelier::text::jinja {

// One thread only.
class Arena {
 public:
  explicit Arena(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  void* allocate(std::size_t bytes, std::size_t alignment);

  template <class T, class... Args>
  T* create(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }

  template <class T>
  std::span<T> create_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count == 0) return {};
    if (count > limit_bytes_ / sizeof(T)) refuse();
    T* first = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    for (std::size_t i = 0; i < count; ++i) new (first + i) T{};
    return {first, count};
  }

  const char* copy(std::string_view text);

  // Appends to text that ends where the arena's free space begins; false where it does not.
  bool extend(const char* end, std::string_view more);

 private:
  [[noreturn]] void refuse() const;
  void add_block(std::size_t at_least);

  std::size_t limit_bytes_;
  std::size_t reserved_bytes_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* free_ = nullptr;
  std::byte* end_ = nullptr;
};

}  // namespace atelier::text::jinja
