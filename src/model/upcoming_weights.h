// What threads read after a layer's attention: its weights, in slices. Attention of answers waits for its
// arithmetic and leaves memory idle for a while, so it fetches them meanwhile. Immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/weights.h"

namespace atelier::model {

class UpcomingWeights {
 public:
  // slice_bytes: what one block of keys leaves time to fetch.
  UpcomingWeights(const Weights& weights, int threads, std::int64_t slice_bytes);

  // The slices that item `item` of `items`, shared out by a ThreadPool, fetches: at most `most`, the next of
  // what the thread whose share the item is in reads first.
  std::span<const std::byte* const> slices(std::int64_t layer, std::int64_t item, std::int64_t items,
                                           std::int64_t most) const;

 private:
  std::int64_t threads_;
  std::vector<std::vector<const std::byte*>> slices_;  // [layers x threads], in the order of reading
};

}  // namespace atelier::model
