#include "base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "base/test_data.h"

namespace atelier {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class MappedFileTest : public testing::Test {
 protected:
  ~MappedFileTest() override { fs::remove(path_); }

  MappedFile map(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    auto file = MappedFile::open(path_);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }
  static std::string text(const MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  }

  const fs::path path_ = fs::temp_directory_path() / ("atelier-mapped-" + std::to_string(getpid()));
};

TEST_F(MappedFileTest, ShowsTheWholeFile) {
  EXPECT_EQ(text(map("hello")), "hello");
}

TEST_F(MappedFileTest, AnEmptyFileHasNoBytes) {
  const MappedFile file = map("");
  EXPECT_TRUE(file.bytes().empty());
  file.release(file.bytes());
}

TEST_F(MappedFileTest, ReleasedPagesComeBack) {
  std::string content(100000, ' ');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 % 251);
  const MappedFile file = map(content);
  file.release(file.bytes());
  file.release(file.bytes().subspan(5000, 50000));
  file.release(file.bytes().subspan(10, 20));
  EXPECT_EQ(text(file), content);
}

TEST_F(MappedFileTest, MovesTheMapping) {
  MappedFile first = map("one");
  const std::byte* where = first.bytes().data();
  MappedFile second = std::move(first);
  EXPECT_EQ(second.bytes().data(), where);
  EXPECT_TRUE(first.bytes().empty());  // NOLINT: a moved-from file is empty
  second = map("three");
  EXPECT_EQ(text(second), "three");
}

TEST_F(MappedFileTest, SaysWhatItCannotOpen) {
  const auto absent = MappedFile::open(path_);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().fault, Fault::kNotFound);
  EXPECT_THAT(absent.error().message, HasSubstr(path_.string()));
  const auto folder = MappedFile::open(fs::temp_directory_path());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().fault, Fault::kIo);
  EXPECT_THAT(folder.error().message, HasSubstr("not a regular file"));
}

// Opening a pipe for reading would wait for a writer that may never come.
TEST_F(MappedFileTest, DoesNotWaitOnAPipe) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const auto pipe = MappedFile::open(path_);
  ASSERT_FALSE(pipe);
  EXPECT_THAT(pipe.error().message, HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace atelier
