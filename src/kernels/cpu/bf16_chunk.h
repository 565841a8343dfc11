// A stretch of one panel as bf16 pairs: [k / 2][16][2], each line of 64 bytes a row of a tile. BF16 weights
// are read where they lie; others are dequantised and rounded into a chunk.
#pragma once

#include "kernels/cpu/linear_f32.h"
#include "kernels/cpu/unpack_pairs.h"

namespace atelier::kernels {
namespace {

constexpr std::int64_t kPairGroups = 8;  // 256 k, 8 KiB a panel: two of them and the activations share L1
constexpr std::int64_t kGroupPairBytes = 1024;

struct PairChunk {
  alignas(64) std::uint8_t pairs[kPairGroups * kGroupPairBytes];
};

// Group g of a panel as pairs.
template <DType kKind>
inline void unpack_group_pairs(const std::uint8_t* panel, std::int64_t g, std::uint8_t* to) {
  constexpr PanelLayout kLayout = panel_layout(kKind);
  const std::uint8_t* record = panel + g / kLayout.record_groups * kLayout.record_bytes;
  RecordScales scales = {splat(0.0f), splat(0.0f)};
  if constexpr (kLayout.scale_form != ScaleForm::kNone) scales = record_scales<kKind>(record);
  unpack_pairs<kKind>(record, g % kLayout.record_groups, scales, to);
}

// Where the pairs of groups [first, first + count) stand: in the panel or, now, in the chunk.
template <DType kKind>
inline const std::uint8_t* pairs_of_chunk(const std::uint8_t* panel, std::int64_t first, std::int64_t count,
                                          PairChunk& chunk) {
  if constexpr (kKind == DType::kBF16) return panel + first * kGroupPairBytes;
  for (std::int64_t g = first; g < first + count; ++g)
    unpack_group_pairs<kKind>(panel, g, chunk.pairs + (g - first) * kGroupPairBytes);
  return chunk.pairs;
}

}  // namespace
}  // namespace atelier::kernels
