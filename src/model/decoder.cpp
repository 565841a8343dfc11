#include "model/decoder.h"

#include "base/check.h"
#include "model/chunk_pass.h"

namespace atelier::model {

struct Decoder::Scratch {
  ChunkPass pass;
  AlignedBuffer logits = {};       // [rows, vocab_rows]
  std::vector<float> hidden = {};  // [rows, hidden]
};

Decoder::Decoder(const ModelConfig& config, const Weights& weights, const kernels::Ops& ops, ThreadPool& pool,
                 const DecoderOptions& options)
    : config_(config),
      pool_(pool),
      options_(options),
      roles_differ_(options.compute == kernels::Compute::kAuto && ops.bf16_prompts &&
                    options.generated_as == kernels::TokenRole::kGenerated),
      scratch_(new Scratch{.pass = ChunkPass(config, weights, ops, pool, options)}) {
  ATELIER_CHECK(check_kv(config, options.kv).has_value());
}

Decoder::~Decoder() = default;

std::span<const float> Decoder::forward(std::span<const BatchSequence> batch, KvStore& kv) {
  for (const BatchSequence& sequence : batch)
    for (const std::int32_t token : sequence.tokens) ATELIER_CHECK(token >= 0 && token < config_.vocab_rows);
  const std::vector<Chunk> chunks = cut_batch(batch, roles_differ_);
  std::size_t wanted = 0, hidden = 0;
  for (const Chunk& chunk : chunks)
    for (const Place& place : chunk.places) ++(place.hidden ? hidden : wanted);
  const std::size_t row = static_cast<std::size_t>(config_.vocab_rows);
  if (scratch_->logits.size() < wanted * row * sizeof(float))
    scratch_->logits = AlignedBuffer(wanted * row * sizeof(float));
  scratch_->hidden.resize(hidden * static_cast<std::size_t>(config_.hidden));

  for (const Chunk& chunk : chunks)
    scratch_->pass.run(chunk, kv, {scratch_->logits.as<float>(), scratch_->hidden.data()});
  return {scratch_->logits.as<const float>(), wanted * row};
}

std::span<const float> Decoder::hidden_states() const {
  return scratch_->hidden;
}

}  // namespace atelier::model
