#include "tensor/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace atelier {
namespace {

bool is_zero(const AlignedBuffer& buffer) {
  return std::all_of(buffer.data(), buffer.data() + buffer.size(),
                     [](std::byte b) { return b == std::byte{0}; });
}

TEST(AlignedBuffer, IsZeroedAlignedAndApartFromOthers) {
  std::vector<AlignedBuffer> buffers;
  for (const std::size_t bytes : {1u, 63u, 64u, 65u, 4096u, 100000u, 2097151u, 2097152u, 5000001u}) {
    for (int i = 0; i < 3; ++i) {
      AlignedBuffer buffer(bytes);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0u);
      EXPECT_TRUE(is_zero(buffer)) << bytes;
      std::memset(buffer.data(), 0xab, bytes);  // the next ones must not see it
      buffers.push_back(std::move(buffer));
    }
  }
  for (const AlignedBuffer& buffer : buffers) EXPECT_EQ(buffer.data()[buffer.size() - 1], std::byte{0xab});
}

TEST(AlignedBuffer, MemoryOfThoseThatWentComesBackZeroed) {
  for (int round = 0; round < 100; ++round) {
    AlignedBuffer buffer(1 << 20);
    ASSERT_TRUE(is_zero(buffer));
    std::memset(buffer.data(), 0xff, buffer.size());
  }
}

TEST(AlignedBuffer, MovesWithItsMemory) {
  AlignedBuffer a(100);
  a.as<char>()[0] = 'a';
  AlignedBuffer b(std::move(a));
  AlignedBuffer c(200);
  c = std::move(b);
  EXPECT_EQ(c.size(), 100u);
  EXPECT_EQ(c.as<char>()[0], 'a');
  EXPECT_EQ(AlignedBuffer().data(), nullptr);
  EXPECT_EQ(AlignedBuffer(0).size(), 0u);
}

TEST(AlignedBuffer, PiecesKeepItsMemory) {
  AlignedBuffer first, second;
  {
    const AlignedBuffer whole(3u << 20);
    whole.as<char>(1u << 20)[0] = 'b';
    first = whole.piece(0, 1u << 20);
    second = whole.piece(1u << 20, 2u << 20);
  }
  EXPECT_EQ(second.data(), first.data() + first.size());
  EXPECT_EQ(second.size(), 2u << 20);
  EXPECT_EQ(second.as<char>()[0], 'b');
}

TEST(AlignedBuffer, AnyThreadMayMakeThem) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (std::size_t i = 1; i < 300; ++i) {
        AlignedBuffer buffer(i * 100);
        buffer.data()[i] = std::byte{1};
      }
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace atelier
