#include "model/chunk.h"

#include <algorithm>

namespace atelier::model {
namespace {

bool wants(const BatchSequence& sequence, std::int64_t token) {
  const bool last = token + 1 == static_cast<std::int64_t>(sequence.tokens.size());
  return sequence.logits == LogitsWanted::kAll || (sequence.logits == LogitsWanted::kLast && last);
}

// Tokens [begin, begin + count) of the sequence, appended.
void append(Chunk& chunk, const BatchSequence& sequence, std::int64_t begin, std::int64_t count) {
  chunk.pieces.push_back({chunk.rows(), count, sequence.position + begin, sequence.blocks.data()});
  for (std::int64_t token = begin; token < begin + count; ++token) {
    if (wants(sequence, token)) chunk.wanted.push_back(chunk.rows());
    chunk.tokens.push_back(sequence.tokens[static_cast<std::size_t>(token)]);
  }
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
    if (count > 0) out.push_back({kept, count, piece.position + (*row - piece.first_row), piece.blocks});
    kept += count;
    row = end;
  }
  return out;
}

std::vector<Chunk> cut_batch(std::span<const BatchSequence> batch) {
  std::vector<Chunk> chunks;
  for (const BatchSequence& sequence : batch) {
    const std::int64_t total = static_cast<std::int64_t>(sequence.tokens.size());
    for (std::int64_t begin = 0; begin < total;) {
      if (chunks.empty() || chunks.back().rows() == kChunkRows) chunks.emplace_back();
      const std::int64_t count = std::min(total - begin, kChunkRows - chunks.back().rows());
      append(chunks.back(), sequence, begin, count);
      begin += count;
    }
  }
  return chunks;
}

}  // namespace atelier::model
