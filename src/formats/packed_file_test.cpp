#include "formats/packed_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/test_data.h"
#include "formats/scratch_folder.h"

namespace atelier::formats {
namespace {

std::vector<std::byte> some_weights(std::size_t bytes) {
  std::vector<std::byte> weights(bytes);
  for (std::size_t i = 0; i < bytes; ++i) weights[i] = static_cast<std::byte>(i * 31 >> 3);
  return weights;
}

TEST(PackedFile, GivesBackWhatWasWrittenAtEverySize) {
  const ScratchFolder folder;
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{9000000}}) {
    const std::vector<std::byte> weights = some_weights(bytes);
    const PackedFile file(folder.path() / "new" / std::to_string(bytes), "a model", bytes);
    EXPECT_EQ(file.map().error().fault, Fault::kNotFound);
    std::int64_t seen = 0;
    ASSERT_TRUE(file.write(weights, [&](std::int64_t done) { seen = done; }));
    EXPECT_EQ(seen, static_cast<std::int64_t>(bytes));
    const auto mapped = file.map();
    ASSERT_TRUE(mapped) << mapped.error().message;
    ASSERT_EQ(mapped->size(), bytes);
    EXPECT_EQ(std::memcmp(mapped->data(), weights.data(), bytes), 0);
    EXPECT_FALSE(std::filesystem::exists(file.place().string() + ".incomplete"));
  }
}

TEST(PackedFile, AnyOtherFileIsRefused) {
  const ScratchFolder folder;
  const std::vector<std::byte> weights = some_weights(10000);
  const std::filesystem::path place = folder.path() / "w";
  ASSERT_TRUE(PackedFile(place, "a model", 10000).write(weights));
  EXPECT_EQ(PackedFile(place, "a modem", 10000).map().error().fault, Fault::kCorrupt);
  EXPECT_EQ(PackedFile(place, "a model", 9999).map().error().fault, Fault::kCorrupt);
  EXPECT_EQ(PackedFile(place, "a model of more words", 10000).map().error().fault, Fault::kCorrupt);

  const std::string whole = read_file(place);
  for (const std::size_t kept : {std::size_t{0}, std::size_t{10000}, whole.size() - 1}) {
    folder.write("w", whole.substr(0, kept));
    EXPECT_EQ(PackedFile(place, "a model", 10000).map().error().fault, Fault::kCorrupt) << kept;
  }
  folder.write("w", whole + "x");
  EXPECT_EQ(PackedFile(place, "a model", 10000).map().error().fault, Fault::kCorrupt);
  folder.write("w", whole);
  EXPECT_TRUE(PackedFile(place, "a model", 10000).map());
}

TEST(PackedFile, OtherWeightsInItsPlaceAreReplaced) {
  const ScratchFolder folder;
  const std::filesystem::path place = folder.path() / "w";
  ASSERT_TRUE(PackedFile(place, "old", 100).write(some_weights(100)));
  folder.write("w.incomplete", "left by a crash, longer than what comes");
  const PackedFile fresh(place, "new", 50);
  ASSERT_TRUE(fresh.write(some_weights(50)));
  EXPECT_TRUE(fresh.map());
}

TEST(PackedFile, WhereNothingCanBeWrittenItSaysSo) {
  const ScratchFolder folder;
  folder.write("file", "not a folder");
  const PackedFile file(folder.path() / "file" / "w", "a model", 100);
  EXPECT_EQ(file.map().error().fault, Fault::kIo);
  EXPECT_EQ(file.write(some_weights(100)).error().fault, Fault::kIo);
}

TEST(PackedFile, MappedBytesOutliveTheName) {
  const ScratchFolder folder;
  const std::vector<std::byte> weights = some_weights(5000);
  const PackedFile file(folder.path() / "w", "a model", 5000);
  ASSERT_TRUE(file.write(weights));
  const auto mapped = file.map();
  ASSERT_TRUE(mapped);
  std::filesystem::remove(file.place());
  EXPECT_EQ(std::memcmp(mapped->data(), weights.data(), 5000), 0);
}

}  // namespace
}  // namespace atelier::formats
