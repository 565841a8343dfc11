// A TinyModel is a real Qwen2 of random weights, small enough to build in a test: two layers, biases, grouped
// heads, padding rows in its vocabulary. For tests only.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/backend.h"
#include "model/decoder.h"

namespace atelier::engine {

class TinyModel {
 public:
  static constexpr std::int32_t kVocabulary = 260;  // real ids; rows 260..271 are padding
  // This id makes a poisoned model compute NaN.
  static constexpr std::int32_t kPoison = 259;

  explicit TinyModel(int threads = 2, unsigned seed = 20250726, bool poisoned = true,
                     std::int64_t head_dim = 16, model::KvKind kv = model::KvKind::kAuto)
      : random_(seed), pool_(threads) {
    config_ = {.architecture = "qwen2",
               .name = "tiny",
               .hidden = 64,
               .layers = 2,
               .heads = 64 / head_dim,
               .kv_heads = 32 / head_dim,
               .head_dim = head_dim,
               .ffn = 96,
               .vocab_rows = 272,
               .max_context = 512,
               .rms_eps = 1e-6,
               .tied = false,
               .rope = {}};
    weights_.embedding = matrix(272, 64, 1.0f, poisoned ? kPoison : -1);
    weights_.head = matrix(272, 64, 0.4f);
    weights_.final_norm = vector(64, 1.0f);
    for (std::int64_t i = 0; i < config_.layers; ++i) weights_.layers.push_back(layer());
    decoder_ = std::make_unique<model::Decoder>(config_, weights_, **kernels::choose_table(""), pool_,
                                                model::DecoderOptions{.kv = kv});
  }

  model::Decoder& decoder() { return *decoder_; }

 private:
  model::LayerWeights layer() {
    model::LayerWeights layer;
    layer.attention_norm = vector(64, 1.0f);
    layer.ffn_norm = vector(64, 1.0f);
    layer.q = matrix(64, 64, 0.15f);
    layer.k = matrix(32, 64, 0.15f);
    layer.v = matrix(32, 64, 0.15f);
    layer.o = matrix(64, 64, 0.15f);
    layer.gate = matrix(96, 64, 0.15f);
    layer.up = matrix(96, 64, 0.15f);
    layer.down = matrix(64, 96, 0.15f);
    layer.q_bias = vector(64, 0.0f);
    layer.k_bias = vector(32, 0.0f);
    layer.v_bias = vector(32, 0.0f);
    return layer;
  }

  kernels::PackedMatrix matrix(std::int64_t n, std::int64_t k, float scale, std::int64_t poisoned_row = -1) {
    std::vector<float> values(static_cast<std::size_t>(n * k));
    for (float& value : values) value = scale * normal_(random_);
    if (poisoned_row >= 0) values[static_cast<std::size_t>(poisoned_row * k)] = 0.0f / zero_;
    kernels::PackedMatrix packed = kernels::allocate_packed(DType::kF32, n, k);
    kernels::pack_panels(packed, std::as_bytes(std::span(values)), {}, 0, packed.panels);
    return packed;
  }

  std::vector<float> vector(std::int64_t n, float around) {
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) value = around + 0.1f * normal_(random_);
    return values;
  }

  std::mt19937 random_;
  std::normal_distribution<float> normal_;
  volatile float zero_ = 0.0f;
  ThreadPool pool_;
  model::ModelConfig config_;
  model::Weights weights_;
  std::unique_ptr<model::Decoder> decoder_;
};

}  // namespace atelier::engine
