// A ChunkPass takes one chunk's rows through the layers: embedding, attention, feed-forward, logits. It keeps
// the rows' memory from one chunk to the next. Engine thread only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/ops.h"
#include "model/chunk.h"
#include "model/config.h"
#include "model/decoder_options.h"
#include "model/key_evening.h"
#include "model/kv_store.h"
#include "model/projection.h"
#include "model/rope_table.h"
#include "model/upcoming_weights.h"
#include "model/weights.h"
#include "tensor/aligned_buffer.h"

namespace atelier::model {

// Where a batch's results are written: logits [rows, vocab_rows] and hidden states [rows, hidden].
struct Outputs {
  float *logits, *hidden;
};

class ChunkPass {
 public:
  ChunkPass(const ModelConfig& config, const Weights& weights, const kernels::Ops& ops, ThreadPool& pool,
            const DecoderOptions& options);

  // The results of the chunk's wanted rows go to their places.
  void run(const Chunk& chunk, KvStore& kv, Outputs outputs);

 private:
  // The rows' memory; strides in floats, multiples of 16 so that threads share no cache line.
  struct Rows {
    float *hidden, *cos, *sin, *q, *k, *v, *attended;
  };
  struct Strides {
    std::int64_t hidden, half, q, kv;
  };

  // Query rows of one piece with one KV head: what a thread attends to at a time. Where a long past is split,
  // one part of it, which is gathered at an offset of gathered_ and merged when all are there.
  struct AttentionItem {
    std::int64_t piece, first, rows, kv_head;
    std::int64_t part;      // -1: all keys
    std::int64_t gathered;  // floats
  };

  void reserve(std::int64_t rows);
  void embed(const Chunk& chunk);
  void attention(std::int64_t layer_index, const kernels::KvLayer& kv, const Chunk& chunk);
  void feed_forward(const LayerWeights& layer);
  void store(const kernels::KvLayer& kv, const Piece& piece, std::int64_t row, std::int64_t kv_head);
  void store_all(const kernels::KvLayer& kv);
  void keep_wanted(const Chunk& chunk);
  void attend_all(std::int64_t layer_index, const kernels::KvLayer& kv, bool store_first);
  void plan_attention(bool whole_pieces);
  std::int64_t attention_keys() const;
  std::int64_t parts_of(const Piece& piece, std::int64_t all_keys) const;
  bool any_split() const;
  kernels::AttentionRows attention_rows(const AttentionItem& item) const;
  void add(const Columns& columns);
  std::vector<Place> write_hidden(float* hidden, std::span<const Place> places);
  void write_logits(float* logits, std::span<const Place> places);
  void write_refined_logits(float* logits, std::span<const Place> places);

  const ModelConfig& config_;
  const Weights& weights_;
  const kernels::Ops& ops_;
  bool in_tiles_;  // prompts attend by attend_prompt; --compute bf16 keeps their attention in f32
  ThreadPool& pool_;
  RopeTable rope_, long_rope_;
  Projector projector_;
  Strides strides_;
  UpcomingWeights upcoming_;
  std::vector<KeyEvening> evenings_;  // one a layer, for int8 keys; else empty

  std::int64_t reserved_rows_ = 0;
  AlignedBuffer memory_;
  Rows rows_ = {};
  PreparedRows gated_;          // silu(gate) up, the input of `down`
  std::int64_t scratch_bytes_;  // of one thread's attention
  AlignedBuffer attention_scratch_;

  // Of the chunk at work.
  std::int64_t count_ = 0;               // rows
  const KeyEvening* evening_ = nullptr;  // of the layer at work; null: keys are stored as they are
  std::vector<Piece> pieces_;
  std::vector<AttentionItem> items_, splits_;
  AlignedBuffer gathered_;
  AlignedBuffer refined_;  // rows normalised, then the prompts' int8_remainder: [rows][hidden]
};

}  // namespace atelier::model
