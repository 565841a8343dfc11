// Loads a model and runs sequences through a decoder one call at a time, with blocks handed out in a
// scrambled order. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/test_data.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "kernels/backend.h"
#include "model/decoder.h"

namespace atelier::model {

struct ModelForTests {
  std::unique_ptr<formats::TensorSource> source;
  ModelConfig config;
  Weights weights;
};

template <class T>
T value_or_fail(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

inline std::unique_ptr<ModelForTests> load_for_tests(const std::filesystem::path& path, ThreadPool& pool) {
  auto model = std::make_unique<ModelForTests>();
  if (path.extension() == ".gguf") {
    auto file = value_or_fail(formats::GgufFile::open(path));
    model->config = value_or_fail(config_from_gguf(*file));
    model->source = std::move(file);
  } else {
    auto folder = value_or_fail(formats::HfFolder::open(path));
    model->config = value_or_fail(config_from_hf(folder->config()));
    model->source = std::move(folder);
  }
  model->weights = value_or_fail(load_weights(*model->source, model->config, pool));
  return model;
}

// One sequence: its tokens so far and its blocks.
struct SequenceForTests {
  std::int64_t position = 0;
  std::vector<std::int32_t> blocks;
};

class DecoderForTests {
 public:
  DecoderForTests(const ModelForTests& model, const kernels::Ops& ops, kernels::Compute compute,
                  ThreadPool& pool, std::int64_t blocks = 512,
                  kernels::TokenRole generated_as = kernels::TokenRole::kGenerated, KvKind kv = KvKind::kAuto)
      : decoder_(model.config, model.weights, ops, pool, {compute, generated_as, kv}),
        kv_(model.config, decoder_.kv_dtype(), blocks) {
    // 17 is prime to the count: every block once, never two neighbours.
    for (std::int64_t i = 0; i < blocks; ++i) free_.push_back(static_cast<std::int32_t>(i * 17 % blocks));
  }

  // Puts `tokens` behind what the sequence holds; the rows of logits asked for.
  std::vector<float> feed(SequenceForTests& sequence, std::span<const std::int32_t> tokens,
                          LogitsWanted wanted = LogitsWanted::kLast,
                          kernels::TokenRole role = kernels::TokenRole::kPrompt) {
    const BatchSequence part = extend(sequence, tokens, wanted, role);
    const std::span<const float> logits = decoder_.forward({&part, 1}, kv_);
    return {logits.begin(), logits.end()};
  }

  BatchSequence extend(SequenceForTests& sequence, std::span<const std::int32_t> tokens, LogitsWanted wanted,
                       kernels::TokenRole role = kernels::TokenRole::kPrompt) {
    const std::int64_t position = sequence.position;
    sequence.position += static_cast<std::int64_t>(tokens.size());
    while (static_cast<std::int64_t>(sequence.blocks.size()) * kernels::kBlockTokens < sequence.position) {
      sequence.blocks.push_back(free_.back());
      free_.pop_back();
    }
    return {tokens, position, sequence.blocks, wanted, role};
  }

  void forget(SequenceForTests& sequence) {
    free_.insert(free_.end(), sequence.blocks.begin(), sequence.blocks.end());
    sequence = {};
  }

  std::vector<float> hidden_states() const {
    const std::span<const float> states = decoder_.hidden_states();
    return {states.begin(), states.end()};
  }

  std::vector<float> forward(std::span<const BatchSequence> batch) {
    const std::span<const float> logits = decoder_.forward(batch, kv_);
    return {logits.begin(), logits.end()};
  }

 private:
  Decoder decoder_;
  KvStore kv_;
  std::vector<std::int32_t> free_;
};

// --- golden files ---

inline std::vector<boost::json::object> read_json_lines(const std::filesystem::path& path) {
  std::vector<boost::json::object> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) out.push_back(value_or_fail(parse_json(line)).as_object());
  return out;
}

template <class T>
std::vector<T> numbers(const boost::json::object& object, std::string_view name) {
  std::vector<T> out;
  for (const boost::json::value& value : object.at(name).as_array()) out.push_back(value.to_number<T>());
  return out;
}

inline std::int32_t best_of(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
}

}  // namespace atelier::model
