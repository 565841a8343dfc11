// A ByteReader walks over a file's bytes from front to back. Each read is checked against what is left, so a
// length from a hostile file can at worst be refused.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/result.h"

namespace atelier::formats {

static_assert(std::endian::native == std::endian::little, "the file formats read here are little-endian");

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t position() const { return position_; }
  std::size_t left() const { return bytes_.size() - position_; }

  // One little-endian number; `what` names it in the error.
  template <class T>
  Result<T> read(std::string_view what) {
    if (left() < sizeof(T)) return too_short(what, sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  // `length` bytes as text, not copied.
  Result<std::string_view> text(std::uint64_t length, std::string_view what) {
    if (left() < length) return too_short(what, length);
    const std::string_view view(reinterpret_cast<const char*>(bytes_.data()) + position_, length);
    position_ += length;
    return view;
  }

 private:
  std::unexpected<Failure> too_short(std::string_view what, std::uint64_t needed) const {
    return fail(Fault::kCorrupt, "{} needs {} bytes at byte {}, but the file ends after {} bytes", what,
                needed, position_, bytes_.size());
  }

  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace atelier::formats
