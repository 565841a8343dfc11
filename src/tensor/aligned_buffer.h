// An AlignedBuffer owns zeroed, 64-byte aligned memory on huge pages where the kernel gives them. Memory is
// touched (and so counted) only when first written.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace atelier {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes);
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  ~AlignedBuffer();

  // The first `bytes` of an open file, read-only and shared with whoever else maps it, on huge pages where
  // the file's own pages are huge. `bytes` must be within the file and stay so: what is cut off a mapped file
  // cannot be read. Throws std::bad_alloc where it cannot be mapped.
  static AlignedBuffer of_file(int file, std::size_t bytes);

  // `bytes` of this buffer from `offset` on. The memory stays until the last who shares it goes.
  AlignedBuffer piece(std::size_t offset, std::size_t bytes) const;

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

  template <class T>
  T* as(std::size_t offset_bytes = 0) const {
    return reinterpret_cast<T*>(data_ + offset_bytes);
  }

 private:
  class Slab;
  std::shared_ptr<Slab> slab_;  // the mapping it stands in, perhaps with others
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace atelier
