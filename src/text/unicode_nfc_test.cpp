#include "text/unicode_nfc.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "text/unicode_classes.h"
#include "text/unicode_utf8.h"

namespace atelier::text {
namespace {

std::string nfc(std::string_view text) {
  std::string storage;
  return std::string(to_nfc(text, storage));
}

TEST(Nfc, ComposesOrdersAndDecomposes) {
  EXPECT_EQ(nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(nfc("xe\u0301y"), "x\u00e9y");
  EXPECT_EQ(nfc("\u0301e"), "\u0301e");             // a mark with nothing before it
  EXPECT_EQ(nfc("a\u0301\u0323"), "\u1ea1\u0301");  // ordered, then composed
  EXPECT_EQ(nfc("\u1100\u1161\u11a8"), "\uac01");   // Hangul jamo
  EXPECT_EQ(nfc("\uac00\u11a8"), "\uac01");
  EXPECT_EQ(nfc("\u212b"), "\u00c5");        // the Angstrom sign
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093c");  // excluded from composition
  EXPECT_EQ(nfc("\ufb01"), "\ufb01");        // a compatibility character stays
}

TEST(Nfc, LeavesAloneWhatUnicodeNineDidNotKnow) {
  EXPECT_EQ(nfc("\U00011935\U00011930"), "\U00011935\U00011930");  // composes since Unicode 13
  EXPECT_EQ(nfc("a\u1df9\u0334"), "a\u1df9\u0334");  // U+1DF9 has a combining class since Unicode 10
}

TEST(Nfc, SettledTextIsNotCopied) {
  const std::string text = "ASCII, déjà composé, 日本語, 한국어 😀";
  std::string storage;
  EXPECT_EQ(to_nfc(text, storage).data(), text.data());
}

// Where both know every character, utf8proc's whole-text normalisation is the oracle.
TEST(Nfc, EqualsUtf8procOnKnownCharacters) {
  std::mt19937 random(7);
  std::vector<char32_t> pool;
  for (char32_t c = 0x20; c < 0x3100; ++c) {
    if ((classes_of(c) & kNfcInert) == 0) pool.push_back(c);
  }
  for (char32_t c = 0xac00; c < 0xac60; ++c) pool.push_back(c);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (int i = 0; i < 8; ++i)
      append_utf8(random() % 3 == 0 ? pool[random() % pool.size()] : 0x300 + random() % 0x70, text);
    utf8proc_uint8_t* whole = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
    ASSERT_EQ(nfc(text), reinterpret_cast<const char*>(whole));
    std::free(whole);
  }
}

TEST(Nfc, AMegabyteOfDisorderedMarksTakesNoTime) {
  std::string text = "a";
  for (int i = 0; i < 250'000; ++i) text += "\u0301\u0323";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(nfc(text).substr(0, 5), "\u1ea1\u0323");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));  // an insertion sort: minutes
}

}  // namespace
}  // namespace atelier::text
