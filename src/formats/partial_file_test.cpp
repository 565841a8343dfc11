#include "formats/partial_file.h"

#include <gtest/gtest.h>

#include <string>

#include "base/test_data.h"
#include "formats/scratch_folder.h"

namespace atelier::formats {
namespace {

const std::string kText = "sixteen bytes...";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

Checksum checksum_of(std::string_view text) {
  return Checksum::from_hex(sha256_hex(bytes_of(text)));
}

TEST(PartialFile, AppearsOnlyWhenWhole) {
  const ScratchFolder folder;
  const auto place = folder.path() / "blobs" / "x";
  auto file = PartialFile::open(place, 16, checksum_of(kText));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  ASSERT_TRUE(file->append(bytes_of(kText.substr(0, 9))));
  EXPECT_FALSE(std::filesystem::exists(place));
  EXPECT_EQ(file->finish().error().fault, Fault::kCorrupt) << "9 of 16 bytes";
  ASSERT_TRUE(file->append(bytes_of(kText.substr(9))));
  ASSERT_TRUE(file->finish());
  EXPECT_EQ(read_file(place), kText);
  EXPECT_FALSE(std::filesystem::exists(place.string() + ".incomplete"));
}

TEST(PartialFile, GoesOnWhereTheLastOneStopped) {
  const ScratchFolder folder;
  folder.write("x.incomplete", kText.substr(0, 5));
  auto file = PartialFile::open(folder.path() / "x", 16, checksum_of(kText));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->size(), 5);
  ASSERT_TRUE(file->append(bytes_of(kText.substr(5))));
  EXPECT_TRUE(file->finish());
}

TEST(PartialFile, WrongHashIsThrownAway) {
  const ScratchFolder folder;
  folder.write("x.incomplete", "rotten");
  auto file = PartialFile::open(folder.path() / "x", 16, checksum_of(kText));
  ASSERT_TRUE(file->append(bytes_of(kText.substr(6))));
  EXPECT_EQ(file->finish().error().fault, Fault::kCorrupt);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(PartialFile, NeverLongerThanTold) {
  const ScratchFolder folder;
  auto file = PartialFile::open(folder.path() / "x", 4, {});
  EXPECT_EQ(file->append(bytes_of(kText)).error().fault, Fault::kCorrupt);
  EXPECT_EQ(file->size(), 0);
  folder.write("y.incomplete", kText);
  EXPECT_EQ(PartialFile::open(folder.path() / "y", 4, {})->size(), 0)
      << "longer than the whole: from nothing";
}

TEST(PartialFile, CutsAndHashesAnew) {
  const ScratchFolder folder;
  auto file = PartialFile::open(folder.path() / "x", 16, checksum_of(kText));
  ASSERT_TRUE(file->append(bytes_of("sixteen xxxx")));
  ASSERT_TRUE(file->cut_to(8));
  ASSERT_TRUE(file->append(bytes_of(kText.substr(8))));
  EXPECT_TRUE(file->finish());
}

TEST(PartialFile, NoRoomIsSaidBeforeTheDownload) {
  const ScratchFolder folder;
  const auto file = PartialFile::open(folder.path() / "x", std::int64_t{1} << 60, {});
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().fault, Fault::kIo);
  EXPECT_NE(file.error().message.find("disk is full"), std::string::npos) << file.error().message;
}

}  // namespace
}  // namespace atelier::formats
