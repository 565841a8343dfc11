#include "plan/card.h"

#include <algorithm>

namespace atelier::plan {
namespace {

constexpr double kGB = 1e9, kTera = 1e12;

// From the makers' data sheets. GeForce: with 32-bit accumulation, as training and serving use it.
constexpr Card kCards[] = {
    {"t4", "NVIDIA T4 16 GB", 16 * kGB, 320 * kGB, 65 * kTera, 130 * kTera},
    {"v100", "NVIDIA V100 32 GB", 32 * kGB, 900 * kGB, 125 * kTera, 62 * kTera},
    {"3090", "GeForce RTX 3090 24 GB", 24 * kGB, 936 * kGB, 71 * kTera, 284 * kTera},
    {"4090", "GeForce RTX 4090 24 GB", 24 * kGB, 1008 * kGB, 165.2 * kTera, 660.6 * kTera},
    {"4090d", "GeForce RTX 4090 D 24 GB", 24 * kGB, 1008 * kGB, 147.1 * kTera, 588.4 * kTera},
    {"5090", "GeForce RTX 5090 32 GB", 32 * kGB, 1792 * kGB, 209.5 * kTera, 838 * kTera},
    {"a10", "NVIDIA A10 24 GB", 24 * kGB, 600 * kGB, 125 * kTera, 250 * kTera},
    {"a30", "NVIDIA A30 24 GB", 24 * kGB, 933 * kGB, 165 * kTera, 330 * kTera},
    {"a40", "NVIDIA A40 48 GB", 48 * kGB, 696 * kGB, 149.7 * kTera, 299.3 * kTera},
    {"a100-40", "NVIDIA A100 40 GB", 40 * kGB, 1555 * kGB, 312 * kTera, 624 * kTera},
    {"a100", "NVIDIA A100 80 GB SXM", 80 * kGB, 2039 * kGB, 312 * kTera, 624 * kTera},
    {"l4", "NVIDIA L4 24 GB", 24 * kGB, 300 * kGB, 121 * kTera, 242 * kTera},
    {"l40s", "NVIDIA L40S 48 GB", 48 * kGB, 864 * kGB, 362 * kTera, 733 * kTera},
    {"h20", "NVIDIA H20 96 GB", 96 * kGB, 4000 * kGB, 148 * kTera, 296 * kTera},
    {"h100", "NVIDIA H100 80 GB SXM", 80 * kGB, 3350 * kGB, 989 * kTera, 1979 * kTera},
    {"h200", "NVIDIA H200 141 GB SXM", 141 * kGB, 4800 * kGB, 989 * kTera, 1979 * kTera},
};

}  // namespace

std::span<const Card> cards() {
  return kCards;
}

const Card* find_card(std::string_view name) {
  const auto found = std::ranges::find(kCards, name, &Card::name);
  return found == std::end(kCards) ? nullptr : found;
}

std::string card_names() {
  std::string names;
  for (const Card& card : kCards) names += (names.empty() ? "" : ", ") + std::string(card.name);
  return names;
}

}  // namespace atelier::plan
