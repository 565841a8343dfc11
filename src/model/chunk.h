// A Chunk is the part of a batch that goes through the layers together: at most kChunkRows token rows, whole
// sequences or pieces of them. Rows do not influence each other except through the KV store, so cutting
// changes no result.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/decoder.h"

namespace atelier::model {

// Rows [first_row, first_row + rows) of the chunk: consecutive tokens of one sequence.
struct Piece {
  std::int64_t first_row = 0, rows = 0;
  std::int64_t position = 0;             // of the first row
  const std::int32_t* blocks = nullptr;  // the sequence's block table
  kernels::TokenRole role = kernels::TokenRole::kPrompt;
  bool long_rope = false;
};

// Where a row's result goes: its place among the batch's logits, or among its hidden states.
struct Place {
  bool hidden = false;
  std::int64_t row = 0;
  kernels::TokenRole role = kernels::TokenRole::kPrompt;  // of its sequence
};

struct Chunk {
  kernels::TokenRole role = kernels::TokenRole::kPrompt;  // as which its rows are multiplied
  std::vector<Piece> pieces;
  std::vector<std::int32_t> tokens;  // [rows]
  std::vector<std::int64_t> wanted;  // rows whose results are asked for, ascending
  std::vector<Place> places;         // by wanted row

  std::int64_t rows() const { return static_cast<std::int64_t>(tokens.size()); }

  // The pieces as they stand when only the wanted rows are kept, closed up.
  std::vector<Piece> wanted_pieces() const;
};

// As many rows as the tile kernels keep in a core's 2 MiB second-level cache, 256 k of each.
inline constexpr std::int64_t kChunkRows = 512;

// by_role: rows of different roles are multiplied apart, prompts first: what a sequence generated may follow
// its prompt in one batch. Otherwise all are multiplied as prompts.
std::vector<Chunk> cut_batch(std::span<const BatchSequence> batch, bool by_role);

}  // namespace atelier::model
