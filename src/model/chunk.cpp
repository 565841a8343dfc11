#include "model/chunk.h"

#include <algorithm>
#include <utility>

namespace atelier::model {
namespace {

// The next free places.
struct Places {
  std::int64_t logits = 0, hidden = 0;

  Place take(const BatchSequence& sequence) {
    const bool is_hidden = sequence.logits == LogitsWanted::kHidden;
    return {is_hidden, (is_hidden ? hidden : logits)++, sequence.role};
  }
};

bool wants(const BatchSequence& sequence, std::int64_t token) {
  if (sequence.logits == LogitsWanted::kAll) return true;
  const bool last = token + 1 == static_cast<std::int64_t>(sequence.tokens.size());
  return last && sequence.logits != LogitsWanted::kNone;
}

// The places that the sequence's results take, from `next` on.
void skip_places(const BatchSequence& sequence, Places& next) {
  for (std::size_t token = 0; token < sequence.tokens.size(); ++token)
    if (wants(sequence, static_cast<std::int64_t>(token))) next.take(sequence);
}

// Tokens [begin, begin + count) of the sequence, appended; its results take the next places.
void append(Chunk& chunk, const BatchSequence& sequence, std::int64_t begin, std::int64_t count,
            Places& next) {
  chunk.pieces.push_back({.first_row = chunk.rows(),
                          .rows = count,
                          .position = sequence.position + begin,
                          .blocks = sequence.blocks.data(),
                          .role = sequence.role,
                          .long_rope = sequence.long_rope});
  for (std::int64_t token = begin; token < begin + count; ++token) {
    if (wants(sequence, token)) {
      chunk.wanted.push_back(chunk.rows());
      chunk.places.push_back(next.take(sequence));
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
  Places next;
  for (const BatchSequence& sequence : batch) {
    if (!takes(sequence)) {
      skip_places(sequence, next);
      continue;
    }
    const std::int64_t total = static_cast<std::int64_t>(sequence.tokens.size());
    for (std::int64_t begin = 0; begin < total;) {
      if (chunk.rows() == kChunkRows) close();
      const std::int64_t count = std::min(total - begin, kChunkRows - chunk.rows());
      append(chunk, sequence, begin, count, next);
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
