#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "bundle/tokenizer_files.h"
#include "formats/gguf_writer_for_tests.h"

namespace atelier::bundle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using text::PreTokenizer;

// A vocabulary of nine tokens; each test changes what it is about.
struct Draft {
  std::string model = "gpt2", pre = "qwen2";
  std::vector<std::string> tokens = {"a",          "b",           "ab",     "<|endoftext|>", "<|im_start|>",
                                     "<|im_end|>", "<tool_call>", "[PAD7]", "[PAD8]"};
  std::vector<std::string> merges = {"a b"};
  std::vector<std::int32_t> types = {1, 1, 1, 3, 3, 3, 4, 5, 5};
  std::map<std::string, std::uint32_t> ids = {{"eos", 5}, {"bos", 3}};
  bool with_pre = true, with_types = true;

  Result<std::optional<text::TokenizerData>> read() const {
    formats::GgufWriterForTests file(3, 0, 4u + with_pre + with_types + ids.size());
    file.string_pair("general.architecture", "qwen2");
    file.string_pair("tokenizer.ggml.model", model);
    if (with_pre) file.string_pair("tokenizer.ggml.pre", pre);
    file.array("tokenizer.ggml.tokens", 8, tokens.size());
    for (const std::string& token : tokens) file.text(token, "token");
    file.array("tokenizer.ggml.merges", 8, merges.size());
    for (const std::string& merge : merges) file.text(merge, "merge");
    if (with_types) file.array("tokenizer.ggml.token_type", 5, types.size());
    for (std::size_t i = 0; with_types && i < types.size(); ++i) file.put(types[i]);
    for (const auto& [name, id] : ids) file.pair("tokenizer.ggml." + name + "_token_id", 4, id);
    const auto parsed = formats::GgufFile::parse(std::as_bytes(std::span(file.bytes())));
    if (!parsed) return std::unexpected(parsed.error());
    return tokenizer_from_gguf(**parsed);
  }
  std::string refusal() const {
    const auto data = read();
    return data ? "accepted" : data.error().message;
  }
};

TEST(GgufTokenizer, SortsTokensByType) {
  const auto read = Draft().read();
  ASSERT_TRUE(read && *read) << read.error().message;
  const text::TokenizerData& data = **read;
  EXPECT_EQ(data.pre_tokenizer, PreTokenizer::kQwen2);
  EXPECT_TRUE(data.nfc);
  EXPECT_THAT(data.merges, ElementsAre("a b"));
  EXPECT_EQ(data.tokens[2], "ab");
  EXPECT_EQ(data.tokens[7], "") << "padding";
  ASSERT_EQ(data.specials.size(), 4u);
  EXPECT_EQ(data.specials[0].text, "<|endoftext|>");
  EXPECT_TRUE(data.specials[0].special);
  EXPECT_EQ(data.specials[3].id, 6);
  EXPECT_FALSE(data.specials[3].special) << "user-defined tokens stay in the text";
  EXPECT_EQ(data.bos, 3);
  EXPECT_EQ(data.eos, 5);
  EXPECT_FALSE(data.add_bos);
  EXPECT_THAT(data.stop_ids, ElementsAre(5, 3)) << "ChatML also ends at <|endoftext|>";
}

TEST(GgufTokenizer, KnowsThePreTokenizersByName) {
  const auto kind = [](const std::string& name) {
    Draft draft;
    draft.pre = name;
    return draft.read().value().value();
  };
  EXPECT_EQ(kind("smollm").pre_tokenizer, PreTokenizer::kSmollm);
  EXPECT_FALSE(kind("smollm").nfc);
  EXPECT_EQ(kind("gpt-2").pre_tokenizer, PreTokenizer::kGpt2);
  EXPECT_EQ(kind("default").pre_tokenizer, PreTokenizer::kGpt2);
  for (const char* name : {"llama-bpe", "llama3", "llama-v3"}) {
    EXPECT_EQ(kind(name).pre_tokenizer, PreTokenizer::kLlama3);
    EXPECT_TRUE(kind(name).ignore_merges);
    EXPECT_TRUE(kind(name).add_bos) << "Llama 3 begins with BOS where the file says nothing";
  }
  Draft other{.pre = "tekken"};
  EXPECT_EQ(other.read().error().fault, Fault::kUnsupported);
  EXPECT_THAT(other.refusal(), HasSubstr("\"tekken\""));
  EXPECT_EQ(Draft{.with_pre = false}.read()->value().pre_tokenizer, PreTokenizer::kQwen2)
      << "by architecture";
}

TEST(GgufTokenizer, NamesOtherModels) {
  EXPECT_THAT(Draft{.model = "llama"}.refusal(), HasSubstr("\"llama\""));
  EXPECT_FALSE(Draft{.model = "none"}.read().value()) << "no tokenizer, no error";
}

TEST(GgufTokenizer, EveryEndOnce) {
  Draft draft;
  draft.ids = {{"eos", 3}, {"eot", 5}, {"eom", 5}};
  EXPECT_THAT(draft.read()->value().stop_ids, ElementsAre(3, 5));
  EXPECT_EQ(draft.read()->value().bos, -1);
  draft.ids = {{"eos", 0xffffffff}};
  EXPECT_EQ(draft.read()->value().eos, -1) << "some writers' way to say none";
  draft.ids = {};
  EXPECT_THAT(draft.read()->value().stop_ids, ElementsAre(5, 3));
  draft.types = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  EXPECT_TRUE(draft.read()->value().stop_ids.empty()) << "plain tokens of that spelling end nothing";
}

TEST(GgufTokenizer, RefusesWhatContradictsItself) {
  Draft ids;
  ids.ids = {{"eos", 9}};
  EXPECT_THAT(ids.refusal(), HasSubstr("eos_token_id is 9; the vocabulary has 9 tokens"));
  Draft few;
  few.types.pop_back();
  EXPECT_THAT(few.refusal(), HasSubstr("list of 9 numbers"));
  Draft type;
  type.types[1] = 7;
  EXPECT_THAT(type.refusal(), HasSubstr("says 7 for token 1"));
  type.types[1] = -1;
  EXPECT_THAT(type.refusal(), HasSubstr("says -1 for token 1"));
  EXPECT_TRUE(Draft{.with_types = false}.read()->value().specials.empty());
}

}  // namespace
}  // namespace atelier::bundle
