// The Decoder is the transformer: token ids in, logits out, keys and values into the KV store on the way.
// Qwen2 and Llama differ only in what their ModelConfig and Weights hold. Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/ops.h"
#include "model/config.h"
#include "model/decoder_options.h"
#include "model/kv_store.h"
#include "model/weights.h"

namespace atelier::model {

// kHidden: no logits but the last token's hidden state, as the final norm leaves it.
enum class LogitsWanted { kNone, kLast, kAll, kHidden };

// Consecutive new tokens of one sequence, all of one role; tokens before `position` are in the KV store
// already, turned by the same rope.
struct BatchSequence {
  std::span<const std::int32_t> tokens;
  std::int64_t position = 0;
  std::span<const std::int32_t> blocks;  // the table covers position + tokens.size() tokens
  LogitsWanted logits = LogitsWanted::kLast;
  kernels::TokenRole role = kernels::TokenRole::kPrompt;
  bool long_rope = false;  // turned as ModelConfig::long_rope says
};

class Decoder {
 public:
  // All references must outlive the decoder. The options have passed check_kv.
  Decoder(const ModelConfig& config, const Weights& weights, const kernels::Ops& ops, ThreadPool& pool,
          const DecoderOptions& options = {});
  ~Decoder();

  // Logits rows in the order of the batch, [rows, vocab_rows]; valid until the next call.
  std::span<const float> forward(std::span<const BatchSequence> batch, KvStore& kv);

  // Of the last forward: the hidden states asked for, [rows, hidden], in the order of the batch; valid until
  // the next call. Multiplied with the output matrix such a row becomes logits.
  std::span<const float> hidden_states() const;

  DType kv_dtype() const { return options_.kv_dtype(); }  // what the KV store must hold
  const ModelConfig& config() const { return config_; }
  ThreadPool& pool() const { return pool_; }  // free between two forwards

 private:
  struct Scratch;
  const ModelConfig& config_;
  ThreadPool& pool_;
  DecoderOptions options_;
  bool roles_differ_;  // in their arithmetic
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace atelier::model
