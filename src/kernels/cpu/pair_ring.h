// Up to kPanels panels side by side whose weights become bf16 pairs a few groups before they are multiplied:
// unpacking runs beside the products, and what is unpacked stays in L1.
#pragma once

#include "kernels/cpu/bf16_chunk.h"

namespace atelier::kernels {
namespace {

template <DType kKind, int kPanels>
class PairRing {
 public:
  static constexpr std::int64_t kAhead = 2;  // groups: 1 to 4 do alike

  PairRing(const PackedMatrix& w, std::int64_t begin, std::int64_t end)
      : w_(w), end_(end), groups_((w.k + kGroup - 1) / kGroup) {
    const std::int64_t bytes = kFirstBytes < w.panel_bytes ? kFirstBytes : w.panel_bytes;
    for (std::int64_t p = begin; p < end && p < begin + kPanels; ++p)
      for (std::int64_t at = 0; at < bytes; at += 64) prefetch_to_l2(panel_data(w, p) + at);
  }

  // The panels from `first` on, as many as there are; their first kAhead groups are unpacked.
  void take(std::int64_t first) {
    panels_ = first + kPanels < end_ ? kPanels : end_ - first;
    for (std::int64_t p = 0; p < panels_; ++p) {
      panel_[p] = panel_data(w_, first + p);
      const bool more = first + p + kPanels < end_;
      next_[p] = more ? panel_data(w_, first + p + kPanels) : panel_[p];
    }
    for (std::int64_t g = 0; g < kAhead; ++g) unpack(g);
  }
  std::int64_t panels() const { return panels_; }

  // Group g, if there is one; meanwhile its like of the next panels is fetched.
  void unpack(std::int64_t g) {
    if (g >= groups_) return;
    constexpr PanelLayout kLayout = panel_layout(kKind);
    constexpr std::int64_t kGroupBytes = kLayout.record_bytes / kLayout.record_groups;
    for (std::int64_t p = 0; p < panels_; ++p) {
      for (std::int64_t line = 0; line < (kGroupBytes + 63) / 64; ++line)
        prefetch_to_l2(next_[p] + g * kGroupBytes + line * 64);
      if constexpr (kKind != DType::kBF16) unpack_group_pairs<kKind>(panel_[p], g, place(p, g));
    }
  }

  // Unpacked group g of panel p. Of a panel that is not there: another's, for sums that nobody takes.
  const std::uint8_t* pairs(std::int64_t p, std::int64_t g) const {
    if (p >= panels_) p = 0;
    if constexpr (kKind == DType::kBF16) return panel_[p] + g * kGroupPairBytes;
    return ring_[p] + g % kGroups * kGroupPairBytes;
  }

 private:
  static constexpr std::int64_t kGroups = 4;
  static_assert(kGroups > kAhead);
  // Fetched before the first product; from then on the next panels are, while these are multiplied.
  static constexpr std::int64_t kFirstBytes = 16384;

  std::uint8_t* place(std::int64_t p, std::int64_t g) { return ring_[p] + g % kGroups * kGroupPairBytes; }

  const PackedMatrix& w_;
  std::int64_t end_, groups_, panels_ = 0;
  const std::uint8_t *panel_[kPanels] = {}, *next_[kPanels] = {};
  alignas(64) std::uint8_t ring_[kPanels][kGroups * kGroupPairBytes];
};

}  // namespace
}  // namespace atelier::kernels
