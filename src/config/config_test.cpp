#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "config/config_file.h"
#include "config/flag_value.h"
#include "config/serve_config.h"
#include "config/spelling.h"

namespace atelier::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Status set(Settings& settings, std::string_view name, std::vector<std::string> values) {
  return settings.set(*find_flag(name), std::move(values));
}

Settings with_model() {
  Settings settings;
  EXPECT_TRUE(set(settings, "model", {"x"}));
  return settings;
}

std::string refusal(std::string_view name, const std::string& value) {
  Settings settings;
  const Status status = set(settings, name, {value});
  EXPECT_FALSE(status) << name << " " << value;
  if (status) return "";
  EXPECT_EQ(status.error().param, "--" + std::string(name));
  return status.error().message;
}

TEST(FlagTable, EveryRowHoldsTogether) {
  std::set<std::string_view> names;
  for (const Flag& flag : flags()) {
    EXPECT_TRUE(names.insert(flag.name).second) << flag.name << " stands twice";
    EXPECT_FALSE(flag.help.empty()) << flag.name;
    EXPECT_EQ(flag.name.find('_'), std::string_view::npos) << flag.name;
    const bool ranged = flag.form == Form::kInteger || flag.form == Form::kNumber ||
                        flag.form == Form::kCount || flag.form == Form::kBytes;
    EXPECT_EQ(ranged, flag.most > flag.least) << flag.name << " needs a range if it is a number";
    EXPECT_TRUE(flag.preset.empty() || check_value(flag, flag.preset)) << flag.name;
    EXPECT_TRUE(flag.form != Form::kSwitch || !flag.preset.empty()) << flag.name;
    EXPECT_TRUE(flag.form != Form::kChoice || !flag.value.empty()) << flag.name;
  }
}

TEST(FlagTable, NamesTheNearest) {
  EXPECT_EQ(nearest_flag("max-num-seq"), "max-num-seqs");
  EXPECT_EQ(nearest_flag("tensor-paralel-size"), "tensor-parallel-size");
  EXPECT_EQ(nearest_choice("priorty", "fcfs|priority"), "priority");
}

TEST(FlagValue, CountsAsVllmWritesThem) {
  EXPECT_EQ(read_count("4096"), 4096);
  EXPECT_EQ(read_count("32k"), 32'000);
  EXPECT_EQ(read_count("32K"), 32'768);
  EXPECT_EQ(read_count("1.5m"), 1'500'000);
  EXPECT_EQ(read_count("2G"), std::int64_t{2} << 30);
  EXPECT_EQ(read_count("auto"), 0);
  EXPECT_EQ(read_count("-1"), 0);
  for (const char* wrong : {"", "k", "1.5", "12x", "1e400", "nan", "inf", "0x10", "1 000", "9e18"}) {
    EXPECT_EQ(read_count(wrong), std::nullopt) << wrong;
  }
}

TEST(FlagValue, RefusesWithTheNearest) {
  EXPECT_THAT(refusal("max-num-seqs", "0"), HasSubstr("the nearest is 1"));
  EXPECT_THAT(refusal("max-num-seqs", "99999"), HasSubstr("the nearest is 4096"));
  EXPECT_THAT(refusal("gpu-memory-utilization", "1.5"), HasSubstr("the nearest is 1"));
  EXPECT_THAT(refusal("scheduling-policy", "prio"), HasSubstr("priority"));
  EXPECT_THAT(refusal("dtype", "int3"), HasSubstr("float16"));
  EXPECT_THAT(refusal("tensor-parallel-size", "four"), HasSubstr("whole number"));
  EXPECT_THAT(refusal("port", "65536"), HasSubstr("65535"));
  EXPECT_THAT(refusal("enforce-eager", "perhaps"), HasSubstr("true or false"));
  EXPECT_THAT(refusal("hf-overrides", "{"), HasSubstr("JSON"));
  EXPECT_THAT(refusal("max-model-len", "-5"), HasSubstr("1 to"));
  EXPECT_THAT(refusal("max-model-len", "0"), HasSubstr("1 to"));
  EXPECT_THAT(refusal("allowed-origins", "[1]"), HasSubstr("strings"));
  refusal("host", std::string("a\0b", 3));
  refusal("max-num-batched-tokens", "0");  // only --max-model-len is ever "auto"
}

TEST(Settings, FirstSaidHolds) {
  Settings settings;
  EXPECT_TRUE(set(settings, "max-num-seqs", {"8"}));
  EXPECT_TRUE(set(settings, "max-num-seqs", {"9"}));
  EXPECT_EQ(settings.integer("max-num-seqs"), 8);
  EXPECT_EQ(settings.integer("port"), 8000);
  EXPECT_FALSE(set(settings, "port", {"1", "2"}));
  EXPECT_TRUE(set(settings, "served-model-name", {"a", "b"}));
  EXPECT_THAT(settings.texts("served-model-name"), ElementsAre("a", "b"));
}

TEST(Settings, OneLineForEachFlagWithoutEffect) {
  Settings settings;
  EXPECT_TRUE(set(settings, "use-flash-attn", {"true"}));
  EXPECT_TRUE(set(settings, "tensor-parallel-size", {"4"}));
  EXPECT_TRUE(set(settings, "pipeline-parallel-size", {"1"}));  // what is done anyway
  EXPECT_TRUE(set(settings, "dtype", {"half"}));
  EXPECT_TRUE(set(settings, "enforce-eager", {"False"}));
  EXPECT_TRUE(set(settings, "max-num-seqs", {"4"}));  // has an effect
  const auto notices = settings.notices();
  EXPECT_THAT(notices, ElementsAre(HasSubstr("--dtype half: "), HasSubstr("--use-flash-attn: "),
                                   HasSubstr("--tensor-parallel-size 4: ")));
  for (const std::string& notice : notices) EXPECT_EQ(notice.find('\n'), std::string::npos);
}

TEST(Spelling, IsBroughtToTheTable) {
  EXPECT_THAT(
      plain_spelling({"--max_model_len=a_b", "--enforce_eager", "my_model", "-tp", "4", "-x"}),
      ElementsAre("--max-model-len=a_b", "--enforce-eager", "my_model", "--tensor-parallel-size", "4", "-x"));
}

TEST(ConfigFile, ReadsVllmsKeys) {
  Settings settings;
  ASSERT_TRUE(set(settings, "port", {"1"}));  // the command line was first
  const Status status = read_config_text(
      "model: org/name\n"
      "max-model-len: 4096\n"
      "port: 9000\n"
      "max_num_seqs: 7\n"
      "served-model-name: [a, b]\n"
      "enable-prefix-caching: false\n"
      "allowed-origins: [\"https://a.example\"]\n"
      "override-generation-config: {temperature: 2, stop: \"1\"}\n"
      "api-key:\n",
      settings);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(settings.text("model"), "org/name");
  EXPECT_EQ(settings.integer("max-model-len"), 4096);
  EXPECT_EQ(settings.integer("port"), 1);
  EXPECT_EQ(settings.integer("max-num-seqs"), 7);
  EXPECT_THAT(settings.texts("served-model-name"), ElementsAre("a", "b"));
  EXPECT_FALSE(settings.on("enable-prefix-caching"));
  EXPECT_THAT(settings.texts("allowed-origins"), ElementsAre("https://a.example"));
  EXPECT_EQ(settings.text("override-generation-config"), R"({"temperature":2,"stop":"1"})");
  EXPECT_FALSE(settings.given("api-key"));
}

TEST(ConfigFile, RefusesWhatCannotBe) {
  std::string laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'j'; ++c) {
    laughs += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) laughs += (i ? ", *" : "*") + std::string(1, static_cast<char>(c - 1));
    laughs += "]\n";
  }
  // the laughs stand under a flag that takes JSON
  std::string nested = "hf-overrides:\n";
  for (std::size_t from = 0; from < laughs.size();) {
    const std::size_t end = laughs.find('\n', from);
    nested += "  " + laughs.substr(from, end - from) + "\n";
    from = end + 1;
  }
  const std::string deep = "hf-overrides: {a: " + std::string(100, '[') + std::string(100, ']') + "}";
  const std::pair<std::string, std::string> cases[] = {
      {"max-model-length: 1", "max-model-len"},
      {"port: 1\nport: 2", "twice"},
      {"max-num-seqs: 0", "the nearest is 1"},
      {"[a, b]", "max-model-len: 4096"},
      {"port: [1, 2]", "--port"},
      {"a: b: c", "--config"},
      {std::string(300'000, ' '), "bytes"},
      {std::string(5'000, '['), "--config"},
      {"? [a]\n: 1", "key"},
      {deep, "deeper"},
      {nested, "more than"},
  };
  for (const auto& [yaml, word] : cases) {
    Settings settings;
    const Status status = read_config_text(yaml, settings);
    ASSERT_FALSE(status) << yaml.substr(0, 60);
    EXPECT_THAT(status.error().message, HasSubstr(word));
    EXPECT_TRUE(status.error().param.starts_with("--"));
  }
  Settings settings;
  EXPECT_TRUE(read_config_text("", settings));
  EXPECT_TRUE(read_config_text("# nothing\n", settings));
  EXPECT_FALSE(read_config_file("/nowhere/x.yaml", settings));
}

TEST(ServeConfig, IsWholeAndTyped) {
  Settings settings = with_model();
  ASSERT_TRUE(set(settings, "gpu-memory-utilization", {"0.9"}));
  ASSERT_TRUE(set(settings, "max-logprobs", {"-1"}));
  ASSERT_TRUE(set(settings, "seed", {"0"}));
  ASSERT_TRUE(set(settings, "dtype", {"float32"}));
  ASSERT_TRUE(set(settings, "root-path", {"/llm/"}));
  ASSERT_TRUE(set(settings, "scheduling-policy", {"priority"}));
  const auto config = serve_config(settings);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_DOUBLE_EQ(config->memory.share, 0.9);
  EXPECT_EQ(config->api.max_logprobs, -1);
  EXPECT_EQ(config->model.seed, 0u);
  EXPECT_EQ(config->model.compute, "fp32");
  EXPECT_EQ(config->network.root_path, "/llm");
  EXPECT_TRUE(config->scheduling.by_priority);
  EXPECT_TRUE(config->scheduling.prefix_cache);
  EXPECT_TRUE(config->access.origins.empty());
  EXPECT_EQ(config->scheduling.max_batch_tokens, 512);
  EXPECT_EQ(config->network.shutdown_timeout, std::chrono::seconds(30));
}

TEST(ServeConfig, TheMostExactMemoryCounts) {
  Settings settings = with_model();
  ASSERT_TRUE(set(settings, "gpu-memory-utilization", {"0.5"}));
  ASSERT_TRUE(set(settings, "kv-cache-memory-bytes", {"2G"}));
  EXPECT_EQ(serve_config(settings)->memory.kv_bytes, std::int64_t{2} << 30);
  EXPECT_EQ(serve_config(settings)->memory.share, 0);
  ASSERT_TRUE(set(settings, "num-gpu-blocks-override", {"64"}));
  EXPECT_EQ(serve_config(settings)->memory.kv_blocks, 64);
  EXPECT_EQ(serve_config(settings)->memory.kv_bytes, 0);
}

TEST(ServeConfig, RefusesContradictions) {
  EXPECT_EQ(serve_config(Settings()).error().param, "--model");
  const std::pair<const char*, const char*> wrong[] = {
      {"ssl-keyfile", "k.pem"}, {"revision", "v2"}, {"root-path", "llm"}, {"api-key", "a b"}};
  for (const auto& [name, value] : wrong) {
    Settings settings = with_model();
    ASSERT_TRUE(set(settings, name, {value}));
    const auto config = serve_config(settings);
    ASSERT_FALSE(config) << name;
    EXPECT_EQ(config.error().param, std::string("--") + name);
  }
}

TEST(ServeConfig, KeysComeFromTheEnvironmentWhereNoneWereSaid) {
  ::setenv("ATELIER_API_KEY", "from-environment", 1);
  Settings silent = with_model(), said = with_model();
  ASSERT_TRUE(set(said, "api-key", {"said"}));
  EXPECT_TRUE(add_environment(silent));
  EXPECT_TRUE(add_environment(said));
  EXPECT_THAT(silent.texts("api-key"), ElementsAre("from-environment"));
  EXPECT_THAT(said.texts("api-key"), ElementsAre("said"));
  ::setenv("ATELIER_API_KEY", "bro\x01ken", 1);
  Settings broken = with_model();
  EXPECT_FALSE(add_environment(broken));
  ::unsetenv("ATELIER_API_KEY");
}

}  // namespace
}  // namespace atelier::config
