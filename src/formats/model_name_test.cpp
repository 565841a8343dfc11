#include "formats/model_name.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace atelier::formats {
namespace {

using Kind = ModelName::Kind;

TEST(ModelName, TellsHubIdsCatalogueNamesAndPathsApart) {
  const auto hub = parse_model_name("Qwen/Qwen2.5-0.5B-Instruct");
  ASSERT_TRUE(hub.has_value());
  EXPECT_EQ(hub->kind, Kind::kHub);
  EXPECT_EQ(hub->repo, "Qwen/Qwen2.5-0.5B-Instruct");
  EXPECT_EQ(hub->quantisation, "");
  const auto tagged = parse_model_name("Qwen/Qwen2.5-0.5B-Instruct-GGUF:q4_k_m");
  ASSERT_TRUE(tagged.has_value());
  EXPECT_EQ(tagged->repo, "Qwen/Qwen2.5-0.5B-Instruct-GGUF");
  EXPECT_EQ(tagged->quantisation, "q4_k_m");
  EXPECT_EQ(parse_model_name("smollm2-135m-instruct")->kind, Kind::kCatalogue);
  for (const char* path : {"/models/x", "./x", "../x", "~/x", "x.gguf", "org/x.GGUF", "a/b/c", "folder/"}) {
    EXPECT_EQ(parse_model_name(path)->kind, Kind::kPath) << path;
  }
  EXPECT_EQ(parse_model_name("src/formats")->kind, Kind::kPath) << "what exists wins (tests run in the root)";
}

TEST(ModelName, RefusesWhatCannotBeAName) {
  for (const std::string name : {"", "org/x:", "org/x:a b", "org/..x..", "org/a--b", "-org/x", "org/x.",
                                 "org/x y", "org/\x01", "org:Q4", "o\xC3\xA9/x"}) {
    EXPECT_FALSE(parse_model_name(name).has_value()) << name;
  }
  EXPECT_FALSE(parse_model_name(std::string(5000, 'x')).has_value());
  EXPECT_FALSE(parse_model_name("org/" + std::string(97, 'x')).has_value());
  EXPECT_TRUE(parse_model_name("org/" + std::string(96, 'x')).has_value());
}

TEST(ModelName, PathsThatStayBelowTheirFolder) {
  for (const char* path : {"config.json", "a/b/c.safetensors", "..a", "a..b/c", ".gitattributes",
                           "\xE6\xA8\xA1\xE5\x9E\x8B.gguf"}) {
    EXPECT_TRUE(is_safe_relative_path(path)) << path;
  }
  for (const std::string& path :
       {std::string(""), std::string("/etc/passwd"), std::string(".."), std::string("../x"),
        std::string("a/../b"), std::string("a/.."), std::string("./a"), std::string("a//b"),
        std::string("a/"), std::string("a\\b"), std::string("a\nb"), std::string("a\x7F"),
        std::string("a\0b", 3), std::string(513, 'a'), std::string(256, 'a')}) {
    EXPECT_FALSE(is_safe_relative_path(path)) << path;
  }
}

TEST(ModelName, Quantisations) {
  EXPECT_TRUE(has_quantisation("qwen2.5-0.5b-instruct-q4_k_m.gguf", "Q4_K_M"));
  EXPECT_TRUE(has_quantisation("SmolLM2.Q4_1.gguf", "q4_1"));
  EXPECT_TRUE(has_quantisation("Q8_0/Q8_0.gguf", "q8_0"));
  EXPECT_TRUE(has_quantisation("q8_0-00001-of-00002.gguf", "Q8_0"));
  EXPECT_FALSE(has_quantisation("x-q4_k_m.gguf", "Q4_K"));
  EXPECT_FALSE(has_quantisation("x-iq4_nl.gguf", "q4_nl"));
  EXPECT_FALSE(has_quantisation("x-q4_k_m.safetensors", "Q4_K_M"));
  EXPECT_FALSE(has_quantisation("x.gguf", ""));
  EXPECT_EQ(quantisation_of("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"), "Q4_K_M");
  EXPECT_EQ(quantisation_of("x.IQ4_NL.gguf"), "IQ4_NL");
  EXPECT_EQ(quantisation_of("x-fp16-00001-of-00002.gguf"), "FP16");
  EXPECT_EQ(quantisation_of("x-f16-00001-of-00002.gguf"), "F16");
  EXPECT_EQ(quantisation_of("model.gguf"), "");
  EXPECT_EQ(quantisation_of("qwen-q4.gguf"), "Q4");
  EXPECT_EQ(quantisation_of("seq2_x.gguf"), "");
  EXPECT_TRUE(is_sharded_gguf("x-00001-of-00002.gguf"));
  EXPECT_FALSE(is_sharded_gguf("x-1-of-2.gguf"));
}

}  // namespace
}  // namespace atelier::formats
