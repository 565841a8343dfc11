// Whole models opened as one, from either kind of file.
#include "bundle/model_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_data.h"
#include "bundle/model_folder_for_tests.h"

namespace atelier::bundle {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

std::string refusal(const fs::path& path) {
  const auto bundle = open_bundle(path);
  return bundle ? "accepted" : bundle.error().message;
}

// The least a GGUF file needs to open: a shape and an embedding of `rows` rows.
std::string tiny_gguf_model(std::uint64_t rows, const std::string& chat_template = "") {
  formats::GgufWriterForTests file(3, 1, chat_template.empty() ? 9 : 10);
  file.string_pair("general.architecture", "qwen2");
  for (const auto& [key, value] : {std::pair{"block_count", 1u},
                                   {"embedding_length", 2u},
                                   {"feed_forward_length", 2u},
                                   {"context_length", 64u},
                                   {"attention.head_count", 1u}}) {
    file.pair<std::uint32_t>(std::string("qwen2.") + key, 4, value);
  }
  file.string_pair("tokenizer.ggml.model", "gpt2");
  file.array("tokenizer.ggml.tokens", 8, 3);
  for (const char* token : {"a", "b", "ab"}) file.text(token, "token");
  file.array("tokenizer.ggml.merges", 8, 1);
  file.text("a b", "merge");
  if (!chat_template.empty()) file.string_pair("tokenizer.chat_template", chat_template);
  file.tensor("token_embd.weight", {2, rows}, 0, 0);
  file.pad(32);
  file.data(rows * 8);
  return file.bytes();
}

TEST(ModelBundle, OpensAGgufFile) {
  const ModelFolderForTests folder;
  folder.write("m.gguf", tiny_gguf_model(4));
  const auto bundle = open_bundle(folder.path() / "m.gguf");
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(bundle->config.architecture, "qwen2");
  EXPECT_EQ(bundle->config.vocab_rows, 4);
  ASSERT_TRUE(bundle->tokenizer);
  EXPECT_EQ(bundle->tokenizer->size(), 3);
  EXPECT_THAT(bundle->tokenizer->encode("abb", text::Specials::kAsText), ElementsAre(2, 1));
  EXPECT_FALSE(bundle->chat_template);
  EXPECT_FALSE(bundle->generation.temperature);
  EXPECT_EQ(bundle->bos_text(), "");
  EXPECT_EQ(bundle->eos_text(), "");
}

TEST(ModelBundle, AFolderMayHoldOneGgufFile) {
  const ModelFolderForTests folder;
  folder.write("README.md", "");
  folder.write("m-q4.gguf", tiny_gguf_model(4));
  const auto bundle = open_bundle(folder.path());
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(bundle->path, folder.path() / "m-q4.gguf");
  folder.write("m-q8.gguf", tiny_gguf_model(4));
  EXPECT_THAT(refusal(folder.path()), AllOf(HasSubstr("2 GGUF files"), HasSubstr("m-q4.gguf, m-q8.gguf")));
}

TEST(ModelBundle, EveryTokenNeedsARow) {
  const ModelFolderForTests folder;
  folder.write("m.gguf", tiny_gguf_model(2));
  EXPECT_THAT(refusal(folder.path()), AllOf(HasSubstr("m.gguf"), HasSubstr("3 tokens"), HasSubstr("2 rows")));
}

TEST(ModelBundle, ABrokenTemplateOnlyStopsChat) {
  const ModelFolderForTests folder;
  folder.write("m.gguf", tiny_gguf_model(4, "{% for %}"));
  testing::internal::CaptureStderr();
  const auto bundle = open_bundle(folder.path());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), AllOf(HasSubstr("warn"), HasSubstr("chat template")));
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_FALSE(bundle->chat_template);
}

TEST(ModelBundle, OpensAFolder) {
  const auto tokenizer = test_data("tokenizer/tokenizer.json");
  if (!tokenizer) GTEST_SKIP() << "tokenizer/tokenizer.json is not here";
  const ModelFolderForTests folder;
  folder.write_hf_model(1040);
  folder.write("tokenizer.json", read_file(*tokenizer));
  folder.write("tokenizer_config.json",
               R"({"eos_token":"<|im_end|>","chat_template":"{{ messages[0].content }}"})");
  folder.write("generation_config.json",
               R"({"eos_token_id":[1002,1000],"temperature":0.7,"top_p":0.8,"top_k":20,)"
               R"("repetition_penalty":1.1})");
  const auto bundle = open_bundle(folder.path());
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(bundle->config.vocab_rows, 1040);
  EXPECT_EQ(bundle->tokenizer->size(), 1022);
  EXPECT_EQ(bundle->eos_text(), "<|im_end|>");
  EXPECT_THAT(bundle->tokenizer->data().stop_ids, ElementsAre(1002, 1000));
  EXPECT_EQ(bundle->generation.temperature, 0.7f);
  EXPECT_EQ(bundle->generation.top_p, 0.8f);
  EXPECT_EQ(bundle->generation.top_k, 20);
  EXPECT_EQ(bundle->generation.repetition_penalty, 1.1f);
  ASSERT_TRUE(bundle->chat_template);
  EXPECT_EQ(bundle->chat_template->source(), "{{ messages[0].content }}");
}

TEST(ModelBundle, AFolderWithoutTokenizerStillOpens) {
  const ModelFolderForTests folder;
  folder.write_hf_model(4);
  folder.write("generation_config.json",
               R"({"temperature":-1,"top_p":1.5,"top_k":2.5,"repetition_penalty":null})");
  testing::internal::CaptureStderr();
  const auto bundle = open_bundle(folder.path());
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("temperature to -1"), HasSubstr("top_p to 1.5")));
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_FALSE(bundle->tokenizer);
  EXPECT_FALSE(bundle->chat_template);
  EXPECT_EQ(bundle->eos_text(), "");
  EXPECT_FALSE(bundle->generation.temperature || bundle->generation.top_p || bundle->generation.top_k ||
               bundle->generation.repetition_penalty)
      << "advice that cannot be is left out";
}

TEST(ModelBundle, SaysWhatItCannotOpen) {
  EXPECT_THAT(refusal("tests/data/nowhere"), HasSubstr("there is no tests/data/nowhere"));
  EXPECT_THAT(refusal("CMakeLists.txt"), AllOf(HasSubstr("CMakeLists.txt"), HasSubstr("not a GGUF file")));
  const ModelFolderForTests folder;
  EXPECT_THAT(refusal(folder.path()), HasSubstr("config.json"));
  folder.write("w.safetensors", "");
  EXPECT_THAT(refusal(folder.path() / "w.safetensors"), HasSubstr("the folder it is in"));
  formats::GgufWriterForTests adapter(3, 0, 1);
  adapter.string_pair("general.type", "adapter");
  folder.write("a.gguf", adapter.bytes());
  EXPECT_THAT(refusal(folder.path() / "a.gguf"), HasSubstr("an adapter"));
  formats::GgufWriterForTests part(3, 0, 1);
  part.pair<std::uint16_t>("split.count", 2, 3);
  folder.write("p.gguf", part.bytes());
  EXPECT_THAT(refusal(folder.path() / "p.gguf"), HasSubstr("one of 3 parts"));
}

// The same model from GGUF and from its folder speaks the same language.
TEST(ModelBundle, BothFormsOfOneModelAgree) {
  const auto tiny = test_data("golden/tiny");
  if (!tiny) GTEST_SKIP() << "golden/tiny is not here";
  const auto gguf = open_bundle(*tiny / "gguf/qwen2-F16.gguf"), folder = open_bundle(*tiny / "qwen2-fp32");
  ASSERT_TRUE(gguf) << gguf.error().message;
  ASSERT_TRUE(folder) << folder.error().message;
  const text::TokenizerData &a = gguf->tokenizer->data(), &b = folder->tokenizer->data();
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.merges, b.merges);
  EXPECT_EQ(a.pre_tokenizer, b.pre_tokenizer);
  EXPECT_EQ(a.nfc, b.nfc);
  EXPECT_EQ(a.eos, b.eos);
  EXPECT_EQ(a.stop_ids, b.stop_ids);
  EXPECT_EQ(a.add_bos, b.add_bos);
  ASSERT_EQ(a.specials.size(), b.specials.size());
  for (std::size_t i = 0; i < a.specials.size(); ++i) {
    EXPECT_EQ(a.specials[i].id, b.specials[i].id);
    EXPECT_EQ(a.specials[i].text, b.specials[i].text);
    EXPECT_EQ(a.specials[i].special, b.specials[i].special) << a.specials[i].text;
  }
  EXPECT_EQ(gguf->config.vocab_rows, folder->config.vocab_rows);
  EXPECT_EQ(gguf->chat_template->source(), folder->chat_template->source());
}

TEST(ModelBundle, OpensEveryGoldenModel) {
  const auto tiny = test_data("golden/tiny");
  if (!tiny) GTEST_SKIP() << "golden/tiny is not here";
  for (const char* name :
       {"qwen2-fp32", "qwen2-bf16-sharded", "qwen2-yarn-tied", "llama3-tied", "qwen2-student",
        "gguf/qwen2-Q4_0.gguf", "gguf/qwen2-yarn-BF16.gguf", "gguf/llama3-Q8_0.gguf"}) {
    const auto bundle = open_bundle(*tiny / name);
    ASSERT_TRUE(bundle) << bundle.error().message;
    EXPECT_EQ(bundle->tokenizer->size(), 1022) << name;
    EXPECT_EQ(bundle->config.vocab_rows, 1040) << name;
    EXPECT_EQ(bundle->eos_text(), "<|im_end|>") << name;
    EXPECT_THAT(bundle->tokenizer->data().stop_ids, ElementsAre(1002, 1000)) << name;
  }
  EXPECT_THAT(refusal(*tiny / "qwen2-gptq-int4"), HasSubstr("gptq"));
  EXPECT_THAT(refusal(*tiny / "gguf/lora-r8-all.gguf"), HasSubstr("adapter"));
}

}  // namespace
}  // namespace atelier::bundle
