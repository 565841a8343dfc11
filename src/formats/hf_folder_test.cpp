// Folders as Hugging Face publishes them, whole and broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/test_data.h"
#include "formats/safetensors.h"

namespace atelier::formats {
namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

std::string tensor_file(const std::string& name, const std::string& dtype = "F32") {
  std::string header = R"({")" + name + R"(":{"dtype":")" + dtype + R"(","shape":[2],"data_offsets":[0,8]}})";
  while (header.size() % 8 != 0) header += ' ';
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + "ABCDEFGH";
}

class HfFolderTest : public testing::Test {
 protected:
  HfFolderTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / ("atelier-" + std::to_string(getpid()) + "-" + test->name());
    fs::create_directories(folder_);
    write("config.json", R"({"model_type":"qwen2"})");
  }
  ~HfFolderTest() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  Result<std::unique_ptr<HfFolder>> open() { return HfFolder::open(folder_); }
  std::string refusal() {
    auto folder = open();
    return folder ? "accepted" : folder.error().message;
  }

  fs::path folder_;
};

TEST_F(HfFolderTest, ReadsOneFile) {
  write("model.safetensors", tensor_file("w"));
  write("generation_config.json", R"({"top_k":20})");
  const auto folder = open();
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ((*folder)->config().at("model_type"), "qwen2");
  EXPECT_EQ((*folder)->generation_config().at("top_k"), 20);
  EXPECT_TRUE((*folder)->tokenizer_config().empty());
  EXPECT_EQ((*folder)->chat_template(), "");
  const auto tokenizer = (*folder)->read_tokenizer();
  ASSERT_TRUE(tokenizer);
  EXPECT_TRUE(tokenizer->empty());
  const TensorEntry* entry = (*folder)->find("w");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(std::to_integer<char>(entry->bytes[7]), 'H');
  (*folder)->release(*entry);
  EXPECT_EQ(std::to_integer<char>(entry->bytes[0]), 'A') << "released pages come back";
  EXPECT_EQ((*folder)->file_bytes(), static_cast<std::int64_t>(tensor_file("w").size()));
}

TEST_F(HfFolderTest, JoinsShards) {
  write("model-00001-of-00002.safetensors", tensor_file("a"));
  write("model-00002-of-00002.safetensors", tensor_file("b"));
  EXPECT_THAT(refusal(), HasSubstr("2 .safetensors files but neither"));
  write("model.safetensors.index.json",
        R"({"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})");
  const auto folder = open();
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ((*folder)->tensors().size(), 2u);
  EXPECT_NE((*folder)->find("a"), nullptr);
  EXPECT_NE((*folder)->find("b"), nullptr);
  (*folder)->release(*(*folder)->find("b"));
}

TEST_F(HfFolderTest, ShardsStayInTheFolder) {
  for (const std::string path : {"../model.safetensors", "/etc/passwd", "a/../../m.safetensors", "..", "",
                                 ".safetensors", "a\\\\b.safetensors", "model.bin"}) {
    write("model.safetensors.index.json", R"({"weight_map":{"a":")" + path + R"("}})");
    EXPECT_THAT(refusal(), HasSubstr("no plain file name")) << path;
  }
  write("model.safetensors.index.json", R"({"weight_map":{"a":7}})");
  EXPECT_THAT(refusal(), HasSubstr("no plain file name"));
}

TEST_F(HfFolderTest, TheIndexMustBeTrue) {
  write("s1.safetensors", tensor_file("a"));
  write("s2.safetensors", tensor_file("a"));
  write("model.safetensors.index.json", R"({"weight_map":{"a":"s1.safetensors","b":"s1.safetensors"}})");
  EXPECT_THAT(refusal(), HasSubstr("places tensor 'b' in s1.safetensors, which does not hold it"));
  write("model.safetensors.index.json", R"({"weight_map":{"a":"s1.safetensors","b":"s3.safetensors"}})");
  EXPECT_THAT(refusal(), HasSubstr("s3.safetensors"));
  write("model.safetensors.index.json", R"({"weight_map":{"a":"s1.safetensors","c":"s2.safetensors"}})");
  EXPECT_THAT(refusal(), HasSubstr("'c'"));
  write("s2.safetensors", tensor_file("c"));
  EXPECT_EQ(refusal(), "accepted");
  write("model.safetensors.index.json", "{}");
  EXPECT_THAT(refusal(), HasSubstr("weight_map"));
}

TEST_F(HfFolderTest, OneTensorInTwoShardsIsRefused) {
  write("s1.safetensors", tensor_file("a"));
  write("s2.safetensors", tensor_file("a"));
  write("model.safetensors.index.json", R"({"weight_map":{"a":"s1.safetensors"}})");
  EXPECT_EQ(refusal(), "accepted") << "a file the index does not name is not read";
  std::string both = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                     R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
  while (both.size() % 8 != 0) both += ' ';
  const std::uint64_t length = both.size();
  write("s2.safetensors", std::string(reinterpret_cast<const char*>(&length), 8) + both + "ABCDEFGH");
  write("model.safetensors.index.json", R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}})");
  EXPECT_THAT(refusal(), HasSubstr("two tensors are called 'a'"));
}

TEST_F(HfFolderTest, TemplatesFromEveryPlace) {
  write("model.safetensors", tensor_file("w"));
  write("tokenizer_config.json", R"({"chat_template":"plain"})");
  EXPECT_EQ((*open())->chat_template(), "plain");
  write("tokenizer_config.json",
        R"({"chat_template":[{"name":"tool_use","template":"t"},{"name":"default","template":"d"}]})");
  EXPECT_EQ((*open())->chat_template(), "d");
  write("tokenizer_config.json", R"({"chat_template":[7,{"name":"rag"}]})");
  EXPECT_EQ((*open())->chat_template(), "");
  write("chat_template.jinja", "own file\n");
  EXPECT_EQ((*open())->chat_template(), "own file\n");
}

TEST_F(HfFolderTest, SaysWhatIsMissingOrBroken) {
  EXPECT_THAT(refusal(), HasSubstr("no model.safetensors"));
  write("pytorch_model.bin", "x");
  EXPECT_THAT(refusal(), HasSubstr("can run code"));
  write("model.safetensors", tensor_file("w", "I64"));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("model.safetensors"), HasSubstr("I64")));
  write("model.safetensors", "short");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("model.safetensors"), HasSubstr("8 bytes")));
  write("config.json", R"({"quantization_config":{"quant_method":"gptq","bits":4}})");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("gptq"), HasSubstr("GGUF")));
  write("config.json", "[]");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("config.json"), HasSubstr("not a JSON object")));
  write("config.json", "{");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("config.json"), HasSubstr("invalid JSON")));
  fs::remove(folder_ / "config.json");
  EXPECT_THAT(refusal(), HasSubstr("config.json"));
}

TEST(HfFolders, ReadsRealFolders) {
  const auto tiny = test_data("golden/tiny");
  if (!tiny) GTEST_SKIP() << "golden/tiny is not here";
  const auto whole = HfFolder::open(*tiny / "qwen2-fp32"),
             sharded = HfFolder::open(*tiny / "qwen2-bf16-sharded");
  ASSERT_TRUE(whole) << whole.error().message;
  ASSERT_TRUE(sharded) << sharded.error().message;
  EXPECT_EQ((*whole)->tensors().size(), (*sharded)->tensors().size());
  for (const TensorEntry& entry : (*whole)->tensors()) {
    const TensorEntry* rounded = (*sharded)->find(entry.name);
    ASSERT_NE(rounded, nullptr) << entry.name;
    EXPECT_EQ(rounded->shape, entry.shape);
    EXPECT_EQ(rounded->bytes.size() * 2, entry.bytes.size());
  }
  EXPECT_EQ((*whole)->chat_template().substr(0, 14), "{%- if tools %");
  EXPECT_EQ((*whole)->chat_template(), (*sharded)->chat_template()) << "one in a JSON file, one in its own";
  EXPECT_TRUE((*whole)->read_tokenizer()->contains("model"));
  const auto quantised = HfFolder::open(*tiny / "qwen2-awq-int4");
  ASSERT_FALSE(quantised);
  EXPECT_EQ(quantised.error().fault, Fault::kUnsupported);
  EXPECT_THAT(quantised.error().message, HasSubstr("awq"));
}

}  // namespace
}  // namespace atelier::formats
