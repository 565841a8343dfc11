#include "text/unicode_classes.h"

#include <gtest/gtest.h>

namespace atelier::text {
namespace {

std::uint64_t checksum_of(CharClasses one_class) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (char32_t c = 0; c < 0x110000; ++c)
    value = (value ^ ((classes_of(c) & one_class) != 0)) * 0x100000001b3;
  return value;
}

TEST(UnicodeClasses, EveryCodePointIsAsTheGeneratorSawIt) {
  for (const CharClasses one : {kLetter, kNumber, kSpace, kDigit, kNfcBoundary, kNfcInert}) {
    EXPECT_EQ(checksum_of(one), class_checksum(one)) << "class " << int{one};
  }
}

TEST(UnicodeClasses, KnowsTheCharactersThatAreOftenWrong) {
  for (const char32_t space :
       {0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x85, 0xa0, 0x1680, 0x2028, 0x202f, 0x3000}) {
    EXPECT_TRUE(classes_of(space) & kSpace) << std::hex << std::uint32_t{space};
  }
  for (const char32_t no_space : {0x1c, 0x1f, 0x180e, 0x200b, 0x2060, 0xfeff}) {
    EXPECT_FALSE(classes_of(no_space) & kSpace) << std::hex << std::uint32_t{no_space};
  }
  EXPECT_TRUE(classes_of(U'五') & kLetter);  // a numeral to readers, a letter to Unicode
  EXPECT_TRUE(classes_of(U'Ⅷ') & kNumber);
  EXPECT_TRUE(classes_of(U'²') & kDigit);
  EXPECT_FALSE(classes_of(0x0301) & (kLetter | kNumber | kSpace | kNfcBoundary));  // a combining mark
}

TEST(UnicodeClasses, LetterNumberAndSpaceExcludeEachOther) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    const int classes = classes_of(c) & (kLetter | kNumber | kSpace);
    ASSERT_EQ(classes & (classes - 1), 0) << std::hex << std::uint32_t{c};
  }
}

TEST(UnicodeClasses, AsciiShortcutAgrees) {
  for (char32_t c = 0; c < 128; ++c) EXPECT_EQ(kAsciiClasses[c], classes_of(c));
}

}  // namespace
}  // namespace atelier::text
