#include "text/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/tokenizer_test_data.h"
#include "text/unicode_utf8.h"

namespace atelier::text {
namespace {

using testing::ElementsAre;

constexpr std::pair<const char*, PreTokenizer> kAll[] = {{"qwen2", PreTokenizer::kQwen2},
                                                         {"gpt2", PreTokenizer::kGpt2},
                                                         {"smollm", PreTokenizer::kSmollm},
                                                         {"llama3", PreTokenizer::kLlama3}};

std::vector<std::string_view> words(PreTokenizer kind, std::string_view text) {
  std::vector<std::string_view> all;
  WordScanner scanner(kind, text);
  for (auto word = scanner.next(); !word.empty(); word = scanner.next()) all.push_back(word);
  return all;
}

TEST(PreTokenizer, CutsAsTheRegularExpressionsDo) {
  std::ifstream in("tests/data/tokenizer/words.jsonl");
  int cases = 0;
  for (std::string line; std::getline(in, line); ++cases) {
    const boost::json::object fields = parse_json(line).value().as_object();
    const std::string text(fields.at("text").as_string());
    for (const auto& [name, kind] : kAll) {
      std::vector<std::size_t> sizes;
      for (const std::string_view word : words(kind, text)) sizes.push_back(word.size());
      EXPECT_EQ(sizes, boost::json::value_to<std::vector<std::size_t>>(fields.at(name)))
          << name << ": " << text;
    }
  }
  EXPECT_GT(cases, 250);
}

TEST(PreTokenizer, Digits) {
  EXPECT_THAT(words(PreTokenizer::kQwen2, "a 12345"), ElementsAre("a", " ", "1", "2", "3", "4", "5"));
  EXPECT_THAT(words(PreTokenizer::kLlama3, "a 12345"), ElementsAre("a", " ", "123", "45"));
  EXPECT_THAT(words(PreTokenizer::kGpt2, "a 12345"), ElementsAre("a", " 12345"));
  EXPECT_THAT(words(PreTokenizer::kSmollm, "a 12345"), ElementsAre("a", " ", "1", "2", "3", "4", "5"));
}

TEST(PreTokenizer, WhiteSpace) {
  EXPECT_THAT(words(PreTokenizer::kQwen2, "a  \n \n  b"), ElementsAre("a", "  \n \n", " ", " b"));
  EXPECT_THAT(words(PreTokenizer::kGpt2, "a  \n \n  b"), ElementsAre("a", "  \n \n ", " b"));
  EXPECT_THAT(words(PreTokenizer::kQwen2, "a\u3000\u3000b  "), ElementsAre("a", "\u3000", "\u3000b", "  "));
  EXPECT_THAT(words(PreTokenizer::kSmollm, "  1  "), ElementsAre("  ", "1", "  "));
  EXPECT_THAT(words(PreTokenizer::kQwen2, "!!\r\n\nx"), ElementsAre("!!\r\n\n", "x"));
}

TEST(PreTokenizer, Contractions) {
  EXPECT_THAT(words(PreTokenizer::kQwen2, "I'LL we'ſ 'tis"),
              ElementsAre("I", "'LL", " we", "'ſ", " '", "tis"));
  EXPECT_THAT(words(PreTokenizer::kGpt2, "I'LL it's"), ElementsAre("I", "'", "LL", " it", "'s"));
}

TEST(PreTokenizer, WordsCoverAnyTextWithoutGaps) {
  for (const auto& one : read_cases("tests/data/tokenizer/qwen2.jsonl")) {
    const std::string text = replace_invalid_utf8(one.input);
    for (const auto& [name, kind] : kAll) {
      std::string joined;
      for (const std::string_view word : words(kind, text)) joined += word;
      EXPECT_EQ(joined, text) << name;
    }
  }
}

}  // namespace
}  // namespace atelier::text
