// A model's weights, packed for the kernels. Immutable once loaded.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "formats/tensor_source.h"
#include "kernels/packed_matrix.h"
#include "model/config.h"

namespace atelier::model {

struct LayerWeights {
  std::vector<float> attention_norm, ffn_norm;  // [hidden]
  kernels::PackedMatrix q, k, v, o, gate, up, down;
  std::vector<float> q_bias, k_bias, v_bias;  // empty where the model has none
};

struct Weights {
  kernels::PackedMatrix embedding;  // [vocab_rows, hidden]
  kernels::PackedMatrix head;       // empty where tied
  std::vector<float> final_norm;    // [hidden]
  std::vector<float> rope_factors;  // GGUF's rope_freqs.weight, [head_dim / 2]; empty where absent
  std::vector<LayerWeights> layers;
  std::int64_t bytes = 0;  // packed, all together

  const kernels::PackedMatrix& output() const { return head.n > 0 ? head : embedding; }
};

// progress(done_bytes, total_bytes) is called from the calling thread. GGUF and Hugging Face names are both
// known; llama-architecture GGUF files hold Q/K rows permuted, which is undone here.
// `kept`: the file that keeps them packed ("": none). Where it holds these weights it is mapped; otherwise
// they are packed and it is written, and trouble with it costs only a warning.
Result<Weights> load_weights(const formats::TensorSource& source, const ModelConfig& config, ThreadPool& pool,
                             const std::function<void(std::int64_t, std::int64_t)>& progress = {},
                             const std::filesystem::path& kept = {});

// The same without the matrices' memory: their shapes, and `bytes` as load_weights will take them. Nothing
// but the small vectors is read.
Result<Weights> weight_shapes(const formats::TensorSource& source, const ModelConfig& config);

}  // namespace atelier::model
