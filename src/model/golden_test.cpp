// The decoder in fp32 against transformers in fp32: logits and greedy tokens of small random models.
#include <fmt/format.h>

#include <cmath>

#include "model/model_for_tests.h"

namespace atelier::model {
namespace {

constexpr double kLogitBound = 1e-4;  // the contract is 2e-3; fp32 itself is within 4e-5 of fp64
constexpr double kTie = 1e-3;         // gaps below it may fall either way

// Paths as base/test_data.h finds them.
struct Case {
  std::string name, model, golden, prompts;
};

Case beside(const std::string& model, const std::string& golden, const std::string& prompts) {
  return {golden, "golden/tiny/" + model, "golden/tiny/golden/" + golden,
          "golden/tiny/golden/prompts-" + prompts + ".jsonl"};
}

std::vector<Case> cases() {
  std::vector<Case> out = {{"committed", "model/qwen2-Q5_0.gguf", "model", "model/prompts.jsonl"}};
  for (const char* name : {"qwen2-fp32", "qwen2-bf16-sharded", "qwen2-student"})
    out.push_back(beside(name, name, "short"));
  for (const char* name : {"qwen2-yarn-tied", "llama3-tied"}) out.push_back(beside(name, name, "long"));
  for (const char* name : {"qwen2-F16", "qwen2-BF16", "qwen2-Q8_0", "qwen2-Q4_0", "qwen2-Q4_1", "qwen2-Q5_1"})
    out.push_back(beside(fmt::format("gguf/{}.gguf", name), fmt::format("gguf-{}", name), "short"));
  for (const char* name : {"llama3-F16", "llama3-Q8_0", "qwen2-yarn-BF16"})
    out.push_back(beside(fmt::format("gguf/{}.gguf", name), fmt::format("gguf-{}", name), "long"));
  return out;
}

// Tensors of a golden safetensors file.
class GoldenTensors {
 public:
  explicit GoldenTensors(const std::filesystem::path& path) : bytes_(read_file(path)) {
    entries_ = value_or_fail(formats::parse_safetensors(std::as_bytes(std::span(bytes_))));
  }
  std::vector<float> find(const std::string& name) const {
    for (const formats::TensorEntry& entry : entries_) {
      if (entry.name != name) continue;
      std::vector<float> out(static_cast<std::size_t>(entry.values()));
      std::memcpy(out.data(), entry.bytes.data(), entry.bytes.size());
      return out;
    }
    return {};
  }

 private:
  std::string bytes_;
  std::vector<formats::TensorEntry> entries_;
};

double worst_difference(std::span<const float> got, std::span<const float> want) {
  EXPECT_EQ(got.size(), want.size());
  double worst = 0;
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i)
    worst = std::max(worst, std::abs(double{got[i]} - want[i]));
  return worst;
}

class Golden : public testing::TestWithParam<Case> {};

TEST_P(Golden, LogitsAndGreedyTokensAreThoseOfTransformers) {
  const auto model_path = test_data(GetParam().model);
  const auto golden = test_data(GetParam().golden);
  const auto prompts_path = test_data(GetParam().prompts);
  if (!model_path || !golden || !prompts_path) GTEST_SKIP() << "not here: " << GetParam().model;

  ThreadPool pool(1);
  const auto model = load_for_tests(*model_path, pool);
  DecoderForTests decoder(*model, *value_or_fail(kernels::choose_table("")), kernels::Compute::kF32, pool);
  const GoldenTensors tensors(*golden / "logits.safetensors");
  const std::vector<float> last = tensors.find("last");
  const auto prompts = read_json_lines(*prompts_path), greedy = read_json_lines(*golden / "greedy.jsonl");
  ASSERT_EQ(prompts.size(), greedy.size());
  const std::size_t vocabulary = static_cast<std::size_t>(model->config.vocab_rows);
  ASSERT_EQ(last.size(), prompts.size() * vocabulary);

  double worst = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    SequenceForTests sequence;
    const auto prompt = numbers<std::int32_t>(prompts[i], "prompt_ids");
    std::vector<float> logits = decoder.feed(sequence, prompt);
    worst = std::max(worst, worst_difference(logits, std::span(last).subspan(i * vocabulary, vocabulary)));

    const auto output = numbers<std::int32_t>(greedy[i], "output_ids");
    const auto gaps = numbers<double>(greedy[i], "gaps");
    for (std::size_t step = 0; step < output.size(); ++step) {
      EXPECT_TRUE(gaps[step] <= kTie || best_of(logits) == output[step])
          << greedy[i].at("id") << " step " << step;
      logits = decoder.feed(sequence, {&output[step], 1});  // teacher-forced: one tie does not hide the rest
    }
    decoder.forget(sequence);
  }
  EXPECT_LT(worst, kLogitBound);
  RecordProperty("worst_logit_difference", fmt::format("{:.2e}", worst));

  for (const auto& prompt : prompts) {
    const std::vector<float> all = tensors.find("all." + std::string(prompt.at("id").as_string()));
    if (all.empty()) continue;
    SequenceForTests sequence;
    const auto ids = numbers<std::int32_t>(prompt, "prompt_ids");
    EXPECT_LT(worst_difference(decoder.feed(sequence, ids, LogitsWanted::kAll), all), kLogitBound);
    decoder.forget(sequence);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, Golden, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = info.param.name;
  std::ranges::replace_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace atelier::model
