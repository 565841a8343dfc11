#include "model/upcoming_weights.h"

#include <algorithm>

#include "base/thread_pool.h"

namespace atelier::model {
namespace {

// Of one thread and layer: what 32,768 keys of two heads leave two threads time for.
constexpr std::int64_t kMostBytes = 4 << 20;

// The bytes of a matrix that one thread reads, slice by slice.
class Share {
 public:
  Share(const kernels::PackedMatrix& matrix, std::int64_t thread, std::int64_t threads)
      : at_(matrix.panel(part_begin(matrix.panels, thread, threads))),
        left_(matrix.panel(part_begin(matrix.panels, thread + 1, threads)) - at_) {}

  // The next slice goes behind `to`; false at the end. What is less than a slice is left out.
  bool take(std::int64_t bytes, std::vector<const std::byte*>& to) {
    if (left_ < bytes) return false;
    to.push_back(at_);
    at_ += bytes;
    left_ -= bytes;
    return true;
  }

 private:
  const std::byte* at_;
  std::int64_t left_;
};

std::vector<const std::byte*> slices_of(const LayerWeights& layer, std::int64_t thread, std::int64_t threads,
                                        std::int64_t bytes) {
  std::vector<const std::byte*> out;
  Share o(layer.o, thread, threads), gate(layer.gate, thread, threads), up(layer.up, thread, threads),
      down(layer.down, thread, threads);
  while (o.take(bytes, out)) continue;
  while (gate.take(bytes, out) && up.take(bytes, out)) continue;
  while (down.take(bytes, out)) continue;
  out.resize(std::min(out.size(), static_cast<std::size_t>(kMostBytes / bytes)));
  out.shrink_to_fit();
  return out;
}

}  // namespace

UpcomingWeights::UpcomingWeights(const Weights& weights, int threads, std::int64_t slice_bytes)
    : threads_(threads) {
  for (const LayerWeights& layer : weights.layers)
    for (std::int64_t thread = 0; thread < threads; ++thread)
      slices_.push_back(slices_of(layer, thread, threads, slice_bytes));
}

std::span<const std::byte* const> UpcomingWeights::slices(std::int64_t layer, std::int64_t item,
                                                          std::int64_t items, std::int64_t most) const {
  std::int64_t thread = 0;
  while (item >= part_begin(items, thread + 1, threads_)) ++thread;
  const std::span<const std::byte* const> all = slices_[static_cast<std::size_t>(layer * threads_ + thread)];
  const auto first = static_cast<std::size_t>((item - part_begin(items, thread, threads_)) * most);
  if (first >= all.size()) return {};
  return all.subspan(first, std::min(all.size() - first, static_cast<std::size_t>(most)));
}

}  // namespace atelier::model
