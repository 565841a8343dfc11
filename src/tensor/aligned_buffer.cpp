#include "tensor/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>

namespace atelier {
namespace {

constexpr std::size_t kHugePage = 2u << 20;

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  // Room to align large buffers to a huge page; the unused edges are never touched.
  const std::size_t slack = bytes >= kHugePage ? kHugePage : 0;
  void* address = ::mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::byte*>(address);
  if (slack != 0) {
    const auto start = reinterpret_cast<std::uintptr_t>(data_);
    const std::size_t lead = (kHugePage - start % kHugePage) % kHugePage;
    if (lead != 0) ::munmap(data_, lead);
    if (slack - lead != 0) {
      const std::size_t page = 4096, used = (bytes + page - 1) / page * page,
                        total = (bytes + slack + page - 1) / page * page;
      if (total - lead > used) ::munmap(data_ + lead + used, total - lead - used);
    }
    data_ += lead;
    ::madvise(data_, bytes, MADV_HUGEPAGE);
  }
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace atelier
