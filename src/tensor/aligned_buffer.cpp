#include "tensor/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <mutex>
#include <new>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace atelier {

// Memory of the kernel's own page tables: mapped, zeroed, counted only when touched. Buffers of a huge page
// or more have a mapping to themselves. Smaller ones (a small model has hundreds of matrices of half a
// megabyte) share slabs, because only whole huge pages save the address translations that otherwise cost a
// tenth of the read bandwidth. A slab's memory is never handed out twice, so it is still zero; the slab goes
// when its last buffer goes.
class AlignedBuffer::Slab {
 public:
  explicit Slab(std::size_t bytes) : bytes_(bytes) {
    const std::size_t whole = bytes + kHugePage;  // room to align; the unused edge is never touched
    void* address =
        ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED) throw std::bad_alloc();
    mapping_ = static_cast<std::byte*>(address);
    start_ = mapping_ + (kHugePage - reinterpret_cast<std::uintptr_t>(mapping_) % kHugePage) % kHugePage;
    ::madvise(start_, bytes, MADV_HUGEPAGE);
  }
  // Over an empty one, whose addresses it takes: so they begin at a huge page's.
  Slab(int file, std::size_t bytes) : Slab(bytes) {
    if (::mmap(start_, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED) {
      ::madvise(start_, bytes, MADV_HUGEPAGE);
      return;
    }
    throw std::bad_alloc();  // the delegated constructor is done: the destructor unmaps
  }
  ~Slab() { ::munmap(mapping_, bytes_ + kHugePage); }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // The next `bytes` of the slab; nullptr when it has no more.
  std::byte* take(std::size_t bytes) {
    if (bytes > bytes_ - used_) return nullptr;
    return start_ + std::exchange(used_, used_ + (bytes + kLine - 1) / kLine * kLine);
  }

  // A slab with room for `bytes`, and where they are.
  static std::pair<std::shared_ptr<Slab>, std::byte*> allocate(std::size_t bytes) {
    if (bytes >= kHugePage) {
      auto own = std::make_shared<Slab>(bytes);
      return {own, own->take(bytes)};
    }
    static std::mutex mutex;
    static std::weak_ptr<Slab> newest;  // guarded by mutex
    const std::lock_guard lock(mutex);
    std::shared_ptr<Slab> slab = newest.lock();
    std::byte* data = slab != nullptr ? slab->take(bytes) : nullptr;
    if (data == nullptr) {
      slab = std::make_shared<Slab>(kSharedBytes);
      newest = slab;
      data = slab->take(bytes);
    }
    return {slab, data};
  }

 private:
  static constexpr std::size_t kHugePage = 2u << 20, kSharedBytes = 16u << 20, kLine = 64;

  std::byte* mapping_;
  std::byte* start_;
  std::size_t bytes_, used_ = 0;
};

AlignedBuffer::AlignedBuffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  std::tie(slab_, data_) = Slab::allocate(bytes);
}

AlignedBuffer AlignedBuffer::of_file(int file, std::size_t bytes) {
  AlignedBuffer out;
  if (bytes == 0) return out;
  out.slab_ = std::make_shared<Slab>(file, bytes);
  out.data_ = out.slab_->take(bytes);
  out.size_ = bytes;
  return out;
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : slab_(std::move(other.slab_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(slab_, other.slab_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

AlignedBuffer::~AlignedBuffer() = default;

AlignedBuffer AlignedBuffer::piece(std::size_t offset, std::size_t bytes) const {
  ATELIER_CHECK(offset <= size_ && bytes <= size_ - offset);
  AlignedBuffer out;
  out.slab_ = slab_;
  out.data_ = data_ + offset;
  out.size_ = bytes;
  return out;
}

}  // namespace atelier
