// GGUF files that lie: each must end in a clear Failure or in a file whose every tensor can be read. Runs
// under AddressSanitizer too, where a byte read outside the buffer ends the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "formats/gguf.h"
#include "formats/gguf_writer_for_tests.h"

namespace atelier::formats {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// The bytes in a heap block of exactly their size, so that the sanitizer sees the first byte beyond.
Result<std::unique_ptr<GgufFile>> parse_exactly(std::span<const char> bytes) {
  static std::unique_ptr<char[]> block;
  block = std::make_unique_for_overwrite<char[]>(bytes.size());
  std::ranges::copy(bytes, block.get());
  return GgufFile::parse(std::as_bytes(std::span(block.get(), bytes.size())));
}

unsigned touch(const TensorSource& source) {
  unsigned sum = 0;
  for (const TensorEntry& entry : source.tensors()) {
    EXPECT_EQ(source.find(entry.name), &entry);
    if (!entry.bytes.empty()) {
      sum += std::to_integer<unsigned>(entry.bytes.front()) + std::to_integer<unsigned>(entry.bytes.back());
    }
  }
  return sum;
}

void expect_clear(const Result<std::unique_ptr<GgufFile>>& file, const std::string& what) {
  if (file) {
    touch(**file);
    return;
  }
  EXPECT_TRUE(file.error().fault == Fault::kCorrupt || file.error().fault == Fault::kUnsupported) << what;
  EXPECT_GT(file.error().message.size(), 10u) << what;
}

std::string refusal(const GgufWriterForTests& file) {
  const auto parsed = parse_exactly(file.bytes());
  return parsed ? "accepted" : parsed.error().message;
}

TEST(HostileGguf, EveryTruncationIsRefused) {
  const GgufWriterForTests file = tiny_gguf();
  for (std::size_t length = 0; length < file.bytes().size(); ++length) {
    const auto parsed = parse_exactly(std::span(file.bytes()).first(length));
    ASSERT_FALSE(parsed) << "the first " << length << " bytes pass";
    EXPECT_EQ(parsed.error().fault, Fault::kCorrupt) << length;
  }
  EXPECT_TRUE(parse_exactly(file.bytes()));
}

TEST(HostileGguf, EverySizeTakesEveryEvilValue) {
  const GgufWriterForTests file = tiny_gguf();
  ASSERT_GT(file.fields().size(), 60u);
  for (const std::uint64_t evil :
       {0ull, 1ull, 0x7fffffffull, 0x80000000ull, 0x80000001ull, 0xffffffffull, 0x100000000ull,
        0x100000001ull, 0x7fffffffffffffffull, 0x8000000000000000ull, 0xffffffffffffffffull,
        0x4000000000000000ull, 7ull, 64ull}) {
    for (const auto& field : file.fields()) {
      std::string bytes = file.bytes();
      std::memcpy(bytes.data() + field.offset, &evil, field.width);
      expect_clear(parse_exactly(bytes), field.what + " = " + std::to_string(evil));
    }
  }
}

// Two sizes at once: products and sums that wrap only together.
TEST(HostileGguf, EveryPairOfExtentsTakesEvilValues) {
  const std::uint64_t evil[] = {
      1, 2, 1u << 31, 1ull << 32, (1ull << 32) + 1, 1ull << 62, (1ull << 63) - 1, 1ull << 63};
  for (const std::uint64_t rows : evil) {
    for (const std::uint64_t columns : evil) {
      for (const std::uint64_t offset : {0ull, 0x7fffffffffffffe0ull, 0xffffffffffffffe0ull}) {
        GgufWriterForTests file(3, 1, 0);
        file.tensor("t", {columns, rows, 2, rows}, 0, offset);
        file.pad(32);
        file.data(32);
        expect_clear(parse_exactly(file.bytes()), std::to_string(rows) + " x " + std::to_string(columns));
      }
    }
  }
}

TEST(HostileGguf, FlippedBits) {
  const GgufWriterForTests file = tiny_gguf();
  std::mt19937 random(1);
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = file.bytes();
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    }
    expect_clear(parse_exactly(bytes), "round " + std::to_string(round));
  }
}

TEST(HostileGguf, NamesTheUnsupportedVersionAndByteOrder) {
  EXPECT_THAT(refusal(tiny_gguf(1)), AllOf(HasSubstr("version 1"), HasSubstr("2 and 3")));
  EXPECT_THAT(refusal(tiny_gguf(4)), HasSubstr("version 4"));
  EXPECT_THAT(refusal(tiny_gguf(0x03000000)), AllOf(HasSubstr("big-endian"), HasSubstr("version 3")));
}

// The lines of ggml-org/llama.cpp #19856 and of the size-overflow advisories before it.
TEST(HostileGguf, DuplicateKeysAreRefused) {
  GgufWriterForTests file(3, 0, 2);
  file.string_pair("general.name", "a");
  file.string_pair("general.name", "b");
  EXPECT_THAT(refusal(file), HasSubstr("'general.name' is in the file twice"));
}

TEST(HostileGguf, DuplicateTensorsAreRefused) {
  GgufWriterForTests file(3, 2, 0);
  file.tensor("w", {8}, 0, 0);
  file.tensor("w", {8}, 0, 32);
  file.pad(32);
  file.data(64);
  EXPECT_THAT(refusal(file), HasSubstr("two tensors are called 'w'"));
}

TEST(HostileGguf, OverlapsAreRefused) {
  GgufWriterForTests file(3, 2, 0);
  file.tensor("a", {16}, 0, 0);  // 64 bytes
  file.tensor("b", {8}, 0, 32);
  file.pad(32);
  file.data(64);
  EXPECT_THAT(refusal(file), HasSubstr("'a' and 'b' overlap"));
}

TEST(HostileGguf, TensorsBeyondTheFileAreRefused) {
  GgufWriterForTests file(3, 1, 0);
  file.tensor("a", {8}, 0, 32);
  file.pad(32);
  file.data(63);
  EXPECT_THAT(refusal(file), AllOf(HasSubstr("'a'"), HasSubstr("truncated")));
}

TEST(HostileGguf, AlignmentMustBeAPowerOfTwo) {
  for (const std::uint32_t alignment : {0u, 1u, 4u, 24u, 33u, 1u << 30}) {
    GgufWriterForTests file(3, 0, 1);
    file.pair<std::uint32_t>("general.alignment", 4, alignment);
    EXPECT_THAT(refusal(file), HasSubstr("general.alignment is " + std::to_string(alignment)));
  }
  GgufWriterForTests text(3, 0, 1);
  text.string_pair("general.alignment", "32");
  EXPECT_THAT(refusal(text), HasSubstr("not an unsigned integer"));
  GgufWriterForTests uneven(3, 1, 0);
  uneven.tensor("a", {8}, 0, 16);
  uneven.pad(32);
  uneven.data(64);
  EXPECT_THAT(refusal(uneven), HasSubstr("not a multiple of the alignment 32"));
}

TEST(HostileGguf, AlignmentMovesTheData) {
  GgufWriterForTests file(3, 1, 1);
  file.pair<std::uint32_t>("general.alignment", 4, 256);
  file.tensor("a", {8}, 0, 256);
  file.pad(256);
  file.data(288);
  const auto parsed = parse_exactly(file.bytes());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(std::to_integer<int>((*parsed)->find("a")->bytes[0]), (256 * 37 + 11) & 255);
}

TEST(HostileGguf, TypesThatCannotBeAreNamed) {
  const auto with_type = [](std::uint32_t type) {
    GgufWriterForTests file(3, 1, 0);
    file.tensor("blk.7.w", {256}, type, 0);
    file.pad(32);
    file.data(1024);
    return refusal(file);
  };
  EXPECT_THAT(with_type(16), AllOf(HasSubstr("'blk.7.w'"), HasSubstr("IQ2_XXS"), HasSubstr("IQ4_NL")));
  EXPECT_THAT(with_type(26), HasSubstr("I32"));
  EXPECT_THAT(with_type(4), HasSubstr("unknown type 4")) << "removed from ggml long ago";
  EXPECT_THAT(with_type(0xffffffff), HasSubstr("unknown type 4294967295"));
}

TEST(HostileGguf, RowsMustBeWholeBlocks) {
  GgufWriterForTests file(3, 1, 0);
  file.tensor("w", {48, 2}, 2, 0);  // 96 values are three blocks, but a row of 48 is not
  file.pad(32);
  file.data(64);
  EXPECT_THAT(refusal(file), HasSubstr("rows of 48 values"));
}

TEST(HostileGguf, FiveDimensionsAreTooMany) {
  GgufWriterForTests file(3, 1, 0);
  file.tensor("w", {8, 1, 1, 1, 1}, 0, 0);
  file.pad(32);
  file.data(32);
  EXPECT_THAT(refusal(file), HasSubstr("5 dimensions; the limit is 4"));
}

TEST(HostileGguf, ArraysThatExhaustAreRefused) {
  GgufWriterForTests nested(3, 0, 1);
  nested.array("a", 9, 1);
  nested.data(64);
  EXPECT_THAT(refusal(nested), HasSubstr("array of arrays"));
  GgufWriterForTests many(3, 0, 1);
  many.array("a", 8, 1ull << 61);
  many.data(64);
  EXPECT_THAT(refusal(many), HasSubstr("2305843009213693952 elements"));
  GgufWriterForTests large(3, 0, 2);  // each fits the file, together they are over the budget
  for (const char* key : {"a", "b"}) {
    large.array(key, 7, 3u << 20);
    large.data(3u << 20);
  }
  EXPECT_THAT(refusal(large), HasSubstr("over the limit of 4194304"));
}

TEST(HostileGguf, UnprintableNamesAreRefused) {
  GgufWriterForTests key(3, 0, 1);
  key.string_pair("a\x1b[2J", "b");
  EXPECT_THAT(refusal(key), HasSubstr("not printable"));
  GgufWriterForTests name(3, 1, 0);
  name.tensor("w\n", {8}, 0, 0);
  name.pad(32);
  name.data(32);
  EXPECT_THAT(refusal(name), HasSubstr("not printable"));
}

}  // namespace
}  // namespace atelier::formats
