#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bundle/model_folder_for_tests.h"
#include "bundle/tokenizer_files.h"

namespace atelier::bundle {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using text::PreTokenizer;

const std::string kByteLevel =
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";
const std::string kBytesOnly =
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false})";

std::string split(const std::string& digits) {
  return R"({"type":"Split","behavior":"Isolated","invert":false,"pattern":{"Regex":)"
         R"("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|)" +
         digits + R"(| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}})";
}
std::string sequence(const std::string& first, const std::string& second) {
  return R"({"type":"Sequence","pretokenizers":[)" + first + "," + second + "]}";
}

struct Draft {
  std::string normalizer = R"({"type":"NFC"})";
  std::string pre_tokenizer = sequence(split("\\\\p{N}"), kBytesOnly);
  std::string post_processor = "null";
  std::string model = R"({"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]})";
  std::string added =
      R"([{"id":3,"content":"<|endoftext|>","special":true},{"id":4,"content":"<|im_start|>",)"
      R"("special":true},{"id":5,"content":"<|im_end|>","special":true},)"
      R"({"id":6,"content":"<tool_call>","special":false}])";
  std::string tokenizer_config = R"({"bos_token":null,"eos_token":"<|im_end|>"})";
  std::string generation_config = R"({"eos_token_id":[5,3]})";

  Result<std::optional<text::TokenizerData>> read() const {
    const ModelFolderForTests folder;
    folder.write_hf_model(8);
    folder.write("tokenizer.json", R"({"normalizer":)" + normalizer + R"(,"pre_tokenizer":)" + pre_tokenizer +
                                       R"(,"post_processor":)" + post_processor + R"(,"model":)" + model +
                                       R"(,"added_tokens":)" + added + "}");
    folder.write("tokenizer_config.json", tokenizer_config);
    folder.write("generation_config.json", generation_config);
    const auto opened = formats::HfFolder::open(folder.path());
    if (!opened) return std::unexpected(opened.error());
    return tokenizer_from_hf(**opened);
  }
  std::string refusal() const {
    const auto data = read();
    return data ? "accepted" : data.error().message;
  }
};

TEST(HfTokenizer, ReadsVocabularyMergesAndSpecials) {
  const auto read = Draft().read();
  ASSERT_TRUE(read && *read) << read.error().message;
  const text::TokenizerData& data = **read;
  EXPECT_EQ(data.pre_tokenizer, PreTokenizer::kQwen2);
  EXPECT_TRUE(data.nfc);
  EXPECT_THAT(data.tokens,
              ElementsAre("a", "b", "ab", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>"));
  EXPECT_THAT(data.merges, ElementsAre("a b"));
  ASSERT_EQ(data.specials.size(), 4u);
  EXPECT_TRUE(data.specials[2].special);
  EXPECT_FALSE(data.specials[3].special);
  EXPECT_EQ(data.bos, -1);
  EXPECT_EQ(data.eos, 5);
  EXPECT_FALSE(data.add_bos);
  EXPECT_THAT(data.stop_ids, ElementsAre(5, 3));
}

TEST(HfTokenizer, BothSpellingsOfMerges) {
  Draft draft;
  draft.model = R"({"vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]],"ignore_merges":true})";
  EXPECT_THAT(draft.read()->value().merges, ElementsAre("a b"));
  EXPECT_TRUE(draft.read()->value().ignore_merges);
  for (const std::string merge : {R"(["a"])", R"(["a","b","c"])", "[1,2]", "7", "null"}) {
    draft.model = R"({"vocab":{"a":0},"merges":[)" + merge + "]}";
    EXPECT_THAT(draft.refusal(), HasSubstr("has the merge"));
  }
}

TEST(HfTokenizer, RecognisesPreTokenizersByTheirStructure) {
  const auto kind = [](const std::string& pre_tokenizer) {
    const auto read = Draft{.normalizer = "null", .pre_tokenizer = pre_tokenizer}.read();
    EXPECT_TRUE(read) << read.error().message;
    EXPECT_FALSE(read->value().nfc);
    return read->value().pre_tokenizer;
  };
  EXPECT_EQ(kind(kByteLevel), PreTokenizer::kGpt2);
  EXPECT_EQ(kind(sequence(R"({"type":"Digits","individual_digits":true})", kByteLevel)),
            PreTokenizer::kSmollm);
  EXPECT_EQ(kind(sequence(split("\\\\p{N}{1,3}"), kBytesOnly)), PreTokenizer::kLlama3);
}

TEST(HfTokenizer, ShowsPreparationItDoesNotKnow) {
  const auto refused = [](const std::string& normalizer, const std::string& pre_tokenizer) {
    const auto read = Draft{.normalizer = normalizer, .pre_tokenizer = pre_tokenizer}.read();
    if (read) return std::string("accepted");
    EXPECT_EQ(read.error().fault, Fault::kUnsupported);
    return read.error().message;
  };
  EXPECT_THAT(refused("null", sequence(split("\\\\p{N}{1,4}"), kBytesOnly)), HasSubstr("{1,4}"));
  EXPECT_THAT(refused("null", R"({"type":"Whitespace"})"), HasSubstr("Whitespace"));
  EXPECT_THAT(refused("null", "null"), HasSubstr("pre_tokenizer null"));
  EXPECT_THAT(refused("null", sequence(split("\\\\p{N}"), kByteLevel)), HasSubstr("use_regex"));
  EXPECT_THAT(refused("null", R"({"type":"ByteLevel","add_prefix_space":true})"),
              HasSubstr("add_prefix_space"));
  EXPECT_THAT(refused(R"({"type":"NFKC"})", kByteLevel), HasSubstr("NFKC"));
  EXPECT_EQ(refused(R"({"type":"Sequence","normalizers":[{"type":"NFC"}]})", kByteLevel), "accepted");
  EXPECT_THAT(
      refused(R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]})", kByteLevel),
      HasSubstr("Lowercase"));
}

TEST(HfTokenizer, FindsTheEndsWhereverTheyAreNamed) {
  Draft draft;
  draft.tokenizer_config =
      R"({"bos_token":{"content":"<|im_start|>"},"eos_token":{"content":"<|endoftext|>"}})";
  draft.generation_config = R"({"eos_token_id":5})";
  EXPECT_EQ(draft.read()->value().bos, 4);
  EXPECT_EQ(draft.read()->value().eos, 3);
  EXPECT_THAT(draft.read()->value().stop_ids, ElementsAre(3, 5));
  draft.tokenizer_config = "{}";
  EXPECT_EQ(draft.read()->value().eos, 5) << "from generation_config";
  draft.generation_config = "{}";
  EXPECT_EQ(draft.read()->value().eos, 3) << "from config.json";
}

TEST(HfTokenizer, AddsBosWhereTheFilesSaySo) {
  Draft draft;
  draft.tokenizer_config = R"({"bos_token":"<|im_start|>"})";
  EXPECT_FALSE(draft.read()->value().add_bos);
  const std::string prepend =
      R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|im_start|>"}},)"
      R"({"Sequence":{"id":"A"}}]})";
  draft.post_processor = prepend;
  EXPECT_TRUE(draft.read()->value().add_bos);
  draft.post_processor = R"({"type":"Sequence","processors":[{"type":"ByteLevel"},)" + prepend + "]}";
  EXPECT_TRUE(draft.read()->value().add_bos) << "as Llama 3 spells it";
  draft.tokenizer_config = R"({"bos_token":"<|im_start|>","add_bos_token":false})";
  EXPECT_FALSE(draft.read()->value().add_bos);
}

TEST(HfTokenizer, RefusesWhatContradictsItself) {
  Draft draft;
  draft.added = R"([{"id":2,"content":"<x>"}])";
  EXPECT_THAT(draft.refusal(), AllOf(HasSubstr("the id 2"), HasSubstr("\"ab\""), HasSubstr("\"<x>\"")));
  draft.added = R"([{"id":2,"content":"ab","special":true}])";
  EXPECT_EQ(draft.refusal(), "accepted") << "the vocabulary may hold the special tokens too";
  for (const std::string id : {"-1", "4194304", "1e30", "\"3\"", "null", "9223372036854775808"}) {
    draft.added = R"([{"id":)" + id + R"(,"content":"<x>"}])";
    EXPECT_THAT(draft.refusal(), HasSubstr("<x>")) << id;
    draft.added = "[]";
    draft.model = R"({"vocab":{"a":)" + id + R"(},"merges":[]})";
    EXPECT_THAT(draft.refusal(), HasSubstr("\"a\"")) << id;
    draft.model = Draft().model;
  }
  draft.added = R"([{"id":7,"content":"<mask>","lstrip":true}])";
  EXPECT_THAT(draft.refusal(), AllOf(HasSubstr("lstrip"), HasSubstr("<mask>")));
  draft.added = "[7]";
  EXPECT_THAT(draft.refusal(), HasSubstr("added token 7"));
}

TEST(HfTokenizer, NamesOtherModels) {
  Draft draft;
  draft.model = R"({"type":"Unigram","vocab":[]})";
  EXPECT_THAT(draft.refusal(), HasSubstr("Unigram"));
  draft.model = R"({"type":"BPE","vocab":{},"merges":[],"byte_fallback":true})";
  EXPECT_THAT(draft.refusal(), HasSubstr("byte_fallback"));
  draft.model = R"({"type":"BPE","vocab":{},"merges":[],"end_of_word_suffix":"</w>"})";
  EXPECT_THAT(draft.refusal(), HasSubstr("</w>"));
  draft.model = R"({"type":"BPE","vocab":{}})";
  EXPECT_THAT(draft.refusal(), HasSubstr("no merges"));
  draft.model = "[]";
  EXPECT_THAT(draft.refusal(), HasSubstr("no object \"model\""));
}

}  // namespace
}  // namespace atelier::bundle
