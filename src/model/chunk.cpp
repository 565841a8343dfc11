#include "model/chunk.h"

#include <algorithm>
#include <utility>

namespace atelier::model {
namespace {

bool wants(const BatchSequence& sequence, std::int64_t token) {
  const bool last = token + 1 == static_cast<std::int64_t>(sequence.tokens.size());
  return sequence.logits == LogitsWanted::kAll || (sequence.logits == LogitsWanted::kLast && last);
}

std::int64_t wanted_rows(const BatchSequence& sequence) {
  if (sequence.logits == LogitsWanted::kAll) return static_cast<std::int64_t>(sequence.tokens.size());
  return sequence.logits == LogitsWanted::kLast && !sequence.tokens.empty() ? 1 : 0;
}

// Tokens [begin, begin + count) of the sequence, appended; its next logits go to `logits_row` and on.
void append(Chunk& chunk, const BatchSequence& sequence, std::int64_t begin, std::int64_t count,
            std::int64_t& logits_row) {
  chunk.pieces.push_back({.first_row = chunk.rows(),
                          .rows = count,
                          .position = sequence.position + begin,
                          .blocks = sequence.blocks.data(),
                          .role = sequence.role,
                          .long_rope = sequence.long_rope});
  for (std::int64_t token = begin; token < begin + count; ++token) {
    if (wants(sequence, token)) {
      chunk.wanted.push_back(chunk.rows());
      chunk.logits_rows.push_back(logits_row++);
    }
    chunk.tokens.push_back(sequence.tokens[static_cast<std::size_t>(token)]);
  }
}

// The sequences that `takes` accepts, in chunks of their own.
template <class Takes>
void cut(std::span<const BatchSequence> batch, kernels::TokenRole role, std::vector<Chunk>& chunks,
         const Takes& takes) {
  Chunk chunk;
  const auto close = [&] {
    if (chunk.rows() > 0) chunks.push_back(std::exchange(chunk, {}));
    chunk.role = role;
  };
  close();
  std::int64_t first_logits_row = 0;
  for (const BatchSequence& sequence : batch) {
    std::int64_t logits_row = first_logits_row;
    first_logits_row += wanted_rows(sequence);
    if (!takes(sequence)) continue;
    const std::int64_t total = static_cast<std::int64_t>(sequence.tokens.size());
    for (std::int64_t begin = 0; begin < total;) {
      if (chunk.rows() == kChunkRows) close();
      const std::int64_t count = std::min(total - begin, kChunkRows - chunk.rows());
      append(chunk, sequence, begin, count, logits_row);
      begin += count;
    }
  }
  close();
}

}  // namespace

std::vector<Piece> Chunk::wanted_pieces() const {
  std::vector<Piece> out;
  std::int64_t kept = 0;
  auto row = wanted.begin();
  for (const Piece& piece : pieces) {
    const auto end = std::lower_bound(row, wanted.end(), piece.first_row + piece.rows);
    const std::int64_t count = end - row;
    // Wanted rows of a piece are its last one or all of it.
    if (count > 0) {
      Piece& last = out.emplace_back(piece);
      last.first_row = kept;
      last.rows = count;
      last.position += *row - piece.first_row;
    }
    kept += count;
    row = end;
  }
  return out;
}

std::vector<Chunk> cut_batch(std::span<const BatchSequence> batch, bool by_role) {
  std::vector<Chunk> chunks;
  if (by_role) {
    for (const auto role : {kernels::TokenRole::kPrompt, kernels::TokenRole::kGenerated})
      cut(batch, role, chunks, [role](const BatchSequence& sequence) { return sequence.role == role; });
  } else {
    cut(batch, kernels::TokenRole::kPrompt, chunks, [](const BatchSequence&) { return true; });
  }
  return chunks;
}

}  // namespace atelier::model
