// The ModelDrafter lets a smaller model of the same vocabulary guess (speculative decoding, Leviathan et al.
// 2023): its likeliest token, and the likeliest after that, all sequences together. It keeps keys and values
// of its own; what it knows of a sequence grows a part of the prompt at a time, beside the large model's
// steps.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "cache/block_pool.h"
#include "cache/block_table.h"
#include "engine/drafter.h"
#include "model/decoder.h"
#include "model/kv_store.h"

namespace atelier::engine {

class ModelDrafter final : public Drafter {
 public:
  // The decoder must outlive the drafter. kv_blocks: of its own KV store, of kBlockTokens tokens. Real ids
  // are below `vocabulary`.
  ModelDrafter(model::Decoder& decoder, std::int64_t kv_blocks, std::int32_t vocabulary);

  // A sequence for which there are no blocks, which is longer than the model's context, or whose prompt is
  // not read yet is left without a guess.
  void draft(std::span<Draft> drafts) override;
  void forget(schedule::SequenceId sequence) override { readings_.erase(sequence); }

 private:
  // What the small model has read of a sequence: true tokens and perhaps guesses that turned out wrong.
  struct Reading {
    std::vector<std::int32_t> tokens;
    std::int64_t stored = 0;  // of them in the KV store: all but the last
    cache::BlockTable table;
  };

  bool catch_up(const Draft& draft, Reading& reading);
  std::vector<std::int32_t> next_tokens(const std::vector<Reading*>& readings);

  model::Decoder& decoder_;
  const std::int32_t vocabulary_;
  model::KvStore kv_;
  cache::BlockPool pool_;
  std::unordered_map<schedule::SequenceId, Reading> readings_;
};

}  // namespace atelier::engine
