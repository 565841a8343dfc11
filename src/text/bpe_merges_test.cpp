#include "text/bpe_merges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "text/tokenizer_test_data.h"

namespace atelier::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Model {
  BpeVocabulary vocabulary;
  BpeMerges merges;

  std::vector<TokenId> tokens(std::string_view word) const {
    std::vector<TokenId> out;
    merges.append_tokens(word, out);
    return out;
  }
};

Model model_of(const std::vector<std::string>& tokens, const std::vector<std::string>& merges) {
  BpeVocabulary vocabulary = BpeVocabulary::create(tokens, {}).value();
  BpeMerges joined = BpeMerges::create(merges, vocabulary).value();
  return {std::move(vocabulary), std::move(joined)};
}

TEST(BpeMerges, LowestRankFirstThenLeftmost) {
  const Model model = model_of({"a", "b", "c", "bc", "ab", "aa"}, {"b c", "a b", "a a"});
  EXPECT_THAT(model.tokens("abc"), ElementsAre(0, 3));
  EXPECT_THAT(model.tokens("abb"), ElementsAre(4, 1));
  EXPECT_THAT(model.tokens("aaa"), ElementsAre(5, 0));
}

TEST(BpeMerges, TheLaterOfTwoEqualPairsHolds) {
  const Model model = model_of({"a", "b", "c", "ab", "bc"}, {"a b", "b c", "a b"});
  EXPECT_THAT(model.tokens("abc"), ElementsAre(0, 4));
}

TEST(BpeMerges, BytesWithoutATokenVanish) {
  const Model model = model_of({"a", "b", "ab"}, {"a b"});
  EXPECT_THAT(model.tokens("a?b"), ElementsAre(2));  // the neighbours meet, as in `tokenizers`
  EXPECT_THAT(model.tokens("??"), ElementsAre());
  EXPECT_THAT(model.tokens(std::string(1000, '?')), ElementsAre());
}

// The heap of long words against the same joins done one at a time by hand.
TEST(BpeMerges, LongWordsEqualThePlainAlgorithm) {
  const TokenizerData data = small_data();
  const Model model = model_of(data.tokens, data.merges);
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    std::string word;
    for (int i = 0; i < 300; ++i) word += "etaoinshr"[random() % (2 + round % 8)];
    std::vector<std::string> parts;
    for (const char c : word) parts.emplace_back(1, c);
    for (const std::string& merge : data.merges) {  // by rank: all of one pair, left to right
      const std::size_t space = merge.find(' ');
      const std::string left = merge.substr(0, space), right = merge.substr(space + 1);
      for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        if (parts[i] != left || parts[i + 1] != right) continue;
        parts[i] += right;
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
    std::vector<TokenId> expected;
    for (const std::string& part : parts) expected.push_back(model.vocabulary.find(part));
    EXPECT_EQ(model.tokens(word), expected) << word;
  }
}

TEST(BpeMerges, AMegabyteOfOneLetterStaysFast) {
  std::vector<std::string> tokens{"a"}, merges;
  for (int i = 0; i < 6; ++i) {
    merges.push_back(tokens.back() + " " + tokens.back());
    tokens.push_back(tokens.back() + tokens.back());
  }
  const Model model = model_of(tokens, merges);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(model.tokens(std::string(1 << 20, 'a')), std::vector<TokenId>(1 << 14, 6));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));  // one by one: an hour
}

TEST(BpeMerges, RefusesMergesOfUnknownTokens) {
  const BpeVocabulary vocabulary = BpeVocabulary::create({"a", "b"}, {}).value();
  for (const char* bad : {"a b", "a x", "x a", "ab", "", " ", "a ", "a b c", "a \xff"}) {
    const auto made = BpeMerges::create({bad}, vocabulary);
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().fault, Fault::kCorrupt);
    EXPECT_THAT(made.error().message, HasSubstr("merge 0"));
  }
}

TEST(BpeVocabulary, SpellsEveryByte) {
  std::string all;
  EXPECT_TRUE(append_spelled_bytes("Ġworld", all));
  EXPECT_EQ(all, " world");
  std::string every, found;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  EXPECT_TRUE(append_spelled_bytes(spelled(every), found));
  EXPECT_EQ(found, every);
  for (const char* outside : {" ", "\n", "\u00ad", "\u0144", "日", "\xc4", "\xff", "a "}) {
    std::string kept = "kept";
    EXPECT_FALSE(append_spelled_bytes(outside, kept)) << outside;
    EXPECT_EQ(kept, "kept");
  }
}

TEST(BpeVocabulary, FindsEveryTokenAgain) {
  const BpeVocabulary vocabulary = BpeVocabulary::create(small_data().tokens, {}).value();
  for (TokenId id = 0; id < vocabulary.size(); ++id) EXPECT_EQ(vocabulary.find(vocabulary.bytes(id)), id);
  EXPECT_EQ(vocabulary.find("no such token"), -1);
  EXPECT_EQ(vocabulary.bytes(-1), "");
  EXPECT_EQ(vocabulary.bytes(vocabulary.size()), "");
}

}  // namespace
}  // namespace atelier::text
