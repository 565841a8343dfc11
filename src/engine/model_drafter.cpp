#include "engine/model_drafter.h"

#include <algorithm>

namespace atelier::engine {
namespace {

constexpr std::int64_t kMostAtOnce = 256;  // tokens of a prompt read beside one step

std::int64_t blocks_for(std::int64_t tokens) {
  return (tokens + kernels::kBlockTokens - 1) / kernels::kBlockTokens;
}

}  // namespace

ModelDrafter::ModelDrafter(model::Decoder& decoder, std::int64_t kv_blocks, std::int32_t vocabulary)
    : decoder_(decoder),
      vocabulary_(vocabulary),
      kv_(decoder.config(), decoder.kv_dtype(), kv_blocks),
      pool_(kv_blocks) {}

void ModelDrafter::draft(std::span<Draft> drafts) {
  std::vector<Draft*> guessing;
  std::vector<Reading*> readings;
  for (Draft& draft : drafts) {
    if (draft.most == 0) continue;
    const auto [entry, fresh] =
        readings_.try_emplace(draft.id, Reading{.tokens = {}, .table = cache::BlockTable(pool_)});
    if (!catch_up(draft, entry->second)) continue;
    guessing.push_back(&draft);
    readings.push_back(&entry->second);
  }
  while (!guessing.empty()) {
    const std::vector<std::int32_t> next = next_tokens(readings);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < guessing.size(); ++i) {
      guessing[i]->tokens.push_back(next[i]);
      readings[i]->tokens.push_back(next[i]);
      if (std::ssize(guessing[i]->tokens) == guessing[i]->most) continue;
      guessing[kept] = guessing[i];
      readings[kept++] = readings[i];
    }
    guessing.resize(kept);
    readings.resize(kept);
  }
}

// Reads on, up to the last known token, which the first guess begins with. False: not there yet, or no room.
bool ModelDrafter::catch_up(const Draft& draft, Reading& reading) {
  const auto known = draft.known.first(draft.known.size() - 1);
  const std::int64_t right = std::ranges::mismatch(reading.tokens, known).in1 - reading.tokens.begin();
  reading.stored = std::min(reading.stored, right);
  reading.tokens.resize(static_cast<std::size_t>(reading.stored));
  const std::int64_t most = std::ssize(draft.known) + draft.most;
  if (most > decoder_.config().max_context || !reading.table.try_grow_to(blocks_for(most))) return false;
  const std::int64_t count = std::min<std::int64_t>(std::ssize(known) - reading.stored, kMostAtOnce);
  if (count > 0) {
    const auto part =
        known.subspan(static_cast<std::size_t>(reading.stored), static_cast<std::size_t>(count));
    const model::BatchSequence batch{.tokens = part,
                                     .position = reading.stored,
                                     .blocks = reading.table.blocks(),
                                     .logits = model::LogitsWanted::kNone};
    decoder_.forward({&batch, 1}, kv_);
    reading.tokens.insert(reading.tokens.end(), part.begin(), part.end());
    reading.stored += count;
  }
  if (reading.stored < std::ssize(known)) return false;
  reading.tokens.push_back(draft.known.back());
  return true;
}

// The likeliest token behind each reading, whose last token is not in the KV store yet.
std::vector<std::int32_t> ModelDrafter::next_tokens(const std::vector<Reading*>& readings) {
  std::vector<model::BatchSequence> batch;
  for (Reading* reading : readings) {
    batch.push_back({.tokens = std::span(reading->tokens).last(1),
                     .position = reading->stored++,
                     .blocks = reading->table.blocks(),
                     .role = kernels::TokenRole::kGenerated});
  }
  const std::span<const float> logits = decoder_.forward(batch, kv_);
  const auto row_length = static_cast<std::size_t>(decoder_.config().vocab_rows);
  std::vector<std::int32_t> next;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    const auto row = logits.subspan(i * row_length, static_cast<std::size_t>(vocabulary_));
    next.push_back(static_cast<std::int32_t>(std::ranges::max_element(row) - row.begin()));
  }
  return next;
}

}  // namespace atelier::engine
