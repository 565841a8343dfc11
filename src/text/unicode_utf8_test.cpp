#include "text/unicode_utf8.h"

#include <gtest/gtest.h>

namespace atelier::text {
namespace {

using namespace std::string_literals;

TEST(Utf8, EveryCodePointSurvives) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    std::string text;
    append_utf8(c, text);
    ASSERT_TRUE(is_valid_utf8(text)) << std::hex << std::uint32_t{c};
    const Utf8Char read = read_valid_utf8(text.data());
    ASSERT_EQ(read.code_point, c);
    ASSERT_EQ(read.bytes, text.size());
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_EQ(unfinished_utf8_bytes(text.substr(0, cut)), cut);
      ASSERT_EQ(unfinished_utf8_bytes(text + text.substr(0, cut)), cut);
      ASSERT_EQ(replace_invalid_utf8(text.substr(0, cut)), "\uFFFD");
    }
    ASSERT_EQ(unfinished_utf8_bytes(text), 0u);
  }
}

// Right sides: Python 3's bytes.decode("utf-8", "replace").
TEST(Utf8, ReplacesWhatIsInvalidAsPythonDoes) {
  const std::string r = "\uFFFD";
  EXPECT_EQ(replace_invalid_utf8("plain é 日 😀"), "plain é 日 😀");
  EXPECT_EQ(replace_invalid_utf8("\x80"), r);
  EXPECT_EQ(replace_invalid_utf8("\xc0\xaf"), r + r);
  EXPECT_EQ(replace_invalid_utf8("\xed\xa0\x80"), r + r + r);  // a surrogate
  EXPECT_EQ(replace_invalid_utf8("\xf4\x90\x80\x80"), r + r + r + r);
  EXPECT_EQ(replace_invalid_utf8("\xe0\x80\x80"), r + r + r);
  EXPECT_EQ(replace_invalid_utf8("a\xf0\x9f\x98"s + "b"), "a" + r + "b");
  EXPECT_EQ(replace_invalid_utf8("\xe2\x82"), r);
  EXPECT_EQ(replace_invalid_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"s + "A"), r + r + r + r + "A");
  EXPECT_EQ(replace_invalid_utf8("12345678\xff"s + "12345678"), "12345678" + r + "12345678");
}

TEST(Utf8, AnImpossibleStartIsNotUnfinished) {
  EXPECT_EQ(unfinished_utf8_bytes(""), 0u);
  EXPECT_EQ(unfinished_utf8_bytes("\x80\x80\x80"), 0u);
  EXPECT_EQ(unfinished_utf8_bytes("\xe0\x80"), 0u);
  EXPECT_EQ(unfinished_utf8_bytes("\xff"), 0u);
  EXPECT_EQ(unfinished_utf8_bytes("\xf0\x9f\x98\xe2\x82"), 2u);
}

}  // namespace
}  // namespace atelier::text
