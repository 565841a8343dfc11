#include "text/stream_decoder.h"

#include <gtest/gtest.h>

#include "text/tokenizer_test_data.h"

namespace atelier::text {
namespace {

constexpr TokenId kEnd = 0, kTool = 1;

// A vocabulary that holds every substring of `text`, so that any cut of it into tokens can be streamed.
class Substrings {
 public:
  explicit Substrings(std::string text) : text_(std::move(text)), tokenizer_(make()) {}

  const Tokenizer& tokenizer() const { return tokenizer_; }
  TokenId id(std::size_t from, std::size_t to) const {
    return 2 + static_cast<TokenId>(from * (text_.size() + 1) + to);
  }

 private:
  Tokenizer make() const {
    TokenizerData data{.tokens = {"", ""}, .specials = {{kEnd, "<|end|>", true}, {kTool, "<tool>", false}}};
    data.tokens.resize(2 + (text_.size() + 1) * (text_.size() + 1));
    for (std::size_t from = 0; from < text_.size(); ++from) {
      for (std::size_t to = from + 1; to <= text_.size(); ++to) {
        data.tokens[id(from, to)] = spelled(std::string_view(text_).substr(from, to - from));
      }
    }
    return Tokenizer::create(std::move(data)).value();
  }

  std::string text_;
  Tokenizer tokenizer_;
};

struct Outcome {
  std::string text, matched;
  bool stopped;
};

// Streams every cut of `text` into tokens and expects the same outcome from all.
void expect_on_every_split(const std::string& text, const StreamDecoder::Options& options,
                           const Outcome& expected) {
  const Substrings substrings(text);
  for (std::uint32_t cuts = 0; cuts < 1u << (text.size() - 1); ++cuts) {
    StreamDecoder decoder(substrings.tokenizer(), options);
    std::string got;
    for (std::size_t from = 0; from < text.size() && !decoder.stopped();) {
      std::size_t to = from + 1;
      while (to < text.size() && (cuts >> (to - 1) & 1) == 0) ++to;
      const std::string part = decoder.feed(substrings.id(from, to));
      ASSERT_TRUE(is_valid_utf8(part)) << text << " cuts " << cuts;
      got += part;
      from = to;
    }
    got += decoder.finish();
    ASSERT_EQ(got, expected.text) << "cuts " << cuts;
    ASSERT_EQ(decoder.matched_stop(), expected.matched) << "cuts " << cuts;
    ASSERT_EQ(decoder.stopped(), expected.stopped) << "cuts " << cuts;
  }
}

TEST(StreamDecoder, NeverHalfACharacter) {
  expect_on_every_split("aé日😀b", {}, {"aé日😀b", "", false});
  expect_on_every_split("👍🏽!", {}, {"👍🏽!", "", false});
}

TEST(StreamDecoder, BrokenBytesBecomeReplacementsAsInWholeText) {
  for (const std::string text :
       {"a\xc3", "\xf0\x9f\x98", "a\x80z\xe2\x82q", "\xff\xfe", "\xed\xa0\x80x\xf4\x90"}) {
    expect_on_every_split(text, {}, {replace_invalid_utf8(text), "", false});
  }
}

TEST(StreamDecoder, StopStringsAcrossTokens) {
  expect_on_every_split("one STOP two", {.stop = {"STOP"}}, {"one ", "STOP", true});
  expect_on_every_split("one STOP two", {.stop = {"STOP"}, .include_stop = true}, {"one STOP", "STOP", true});
  expect_on_every_split("a\n\nb", {.stop = {"\n\n", "zz"}}, {"a", "\n\n", true});
  expect_on_every_split("xé日y", {.stop = {"é日"}}, {"x", "é日", true});
  expect_on_every_split("aaaaab", {.stop = {"aab"}}, {"aaa", "aab", true});
  expect_on_every_split("ababac", {.stop = {"abac"}}, {"ab", "abac", true});
}

TEST(StreamDecoder, AHeldBeginningIsGivenBack) {
  expect_on_every_split("one STO two", {.stop = {"STOP"}}, {"one STO two", "", false});
  expect_on_every_split("the end ST", {.stop = {"STOP"}}, {"the end ST", "", false});
  expect_on_every_split("abcabd", {.stop = {"abcabx"}}, {"abcabd", "", false});
}

TEST(StreamDecoder, TheStopStringThatIsCompleteFirstCounts) {
  expect_on_every_split("abcd", {.stop = {"bcd", "c"}}, {"ab", "c", true});
  expect_on_every_split("abcd", {.stop = {"c", "abc"}}, {"", "abc", true});  // at once: the longer
  expect_on_every_split("abab", {.stop = {"", "b"}}, {"a", "b", true});      // an empty one means nothing
}

TEST(StreamDecoder, NoStopStringEndsWithinTheLeastLength) {
  const Substrings substrings("ababab");
  const auto stream = [&](std::int64_t min_tokens) {
    StreamDecoder decoder(substrings.tokenizer(), {.stop = {"ab"}, .min_tokens = min_tokens});
    std::string text;
    for (std::size_t i = 0; i < 6; ++i) text += decoder.feed(substrings.id(i, i + 1));
    return text + decoder.finish() + (decoder.stopped() ? "." : "");
  };
  EXPECT_EQ(stream(0), ".");
  EXPECT_EQ(stream(1), ".");    // it ends with the second token
  EXPECT_EQ(stream(2), "ab.");  // the next one counts
  EXPECT_EQ(stream(3), "ab.");  // it begins within, and ends after
  EXPECT_EQ(stream(5), "abab.");
  EXPECT_EQ(stream(6), "ababab");
}

TEST(StreamDecoder, HoldsBackNoMoreThanABeginning) {
  const Substrings substrings("xyzSTOx");
  StreamDecoder decoder(substrings.tokenizer(), {.stop = {"STOP"}});
  EXPECT_EQ(decoder.feed(substrings.id(0, 3)), "xyz");
  EXPECT_EQ(decoder.feed(substrings.id(3, 6)), "");
  EXPECT_EQ(decoder.feed(substrings.id(6, 7)), "STOx");
}

TEST(StreamDecoder, SpecialTokens) {
  const Substrings substrings("ab");
  const auto stream = [&](StreamDecoder::Options options) {
    StreamDecoder decoder(substrings.tokenizer(), std::move(options));
    std::string text;
    for (const TokenId id : {substrings.id(0, 1), kTool, kEnd, substrings.id(1, 2), TokenId{999}})
      text += decoder.feed(id);
    return text + decoder.finish();
  };
  EXPECT_EQ(stream({}), "a<tool>b");
  EXPECT_EQ(stream({.skip_special_tokens = false}), "a<tool><|end|>b");
  EXPECT_EQ(stream({.stop = {"l>b"}}), "a<too");  // a token that is not shown interrupts nothing
}

TEST(StreamDecoder, SaysNothingAfterTheEnd) {
  const Substrings substrings("ab");
  StreamDecoder decoder(substrings.tokenizer(), {.stop = {"a"}});
  EXPECT_EQ(decoder.feed(substrings.id(0, 2)), "");
  EXPECT_TRUE(decoder.stopped());
  EXPECT_EQ(decoder.feed(substrings.id(1, 2)), "");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, EqualsDecodeOnRealCases) {
  const Tokenizer tokenizer = small_tokenizer();
  for (const auto& one : read_cases("tests/data/tokenizer/qwen2.jsonl")) {
    StreamDecoder decoder(tokenizer, {.skip_special_tokens = false});
    std::string text;
    for (const TokenId id : one.ids) text += decoder.feed(id);
    EXPECT_EQ(text + decoder.finish(), one.decoded);
  }
}

}  // namespace
}  // namespace atelier::text
