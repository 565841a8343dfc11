#include "model/upcoming_weights.h"

#include <gtest/gtest.h>

#include <set>

namespace atelier::model {
namespace {

constexpr std::int64_t kSlice = 4096, kMost = 3;

kernels::PackedMatrix matrix(std::int64_t n, std::int64_t k) {
  kernels::PackedMatrix out = kernels::packed_shape(DType::kQ4_0, n, k);
  out.data = AlignedBuffer(static_cast<std::size_t>(out.panels * out.panel_bytes));
  return out;
}

Weights weights() {
  Weights out;
  for (int i = 0; i < 2; ++i) {
    LayerWeights& layer = out.layers.emplace_back();
    layer.o = matrix(256, 256);
    layer.gate = matrix(512, 256);
    layer.up = matrix(512, 256);
    layer.down = matrix(256, 512);
  }
  return out;
}

bool within(const kernels::PackedMatrix& matrix, const std::byte* slice) {
  return slice >= matrix.data.data() &&
         slice + kSlice <= matrix.data.data() + matrix.panels * matrix.panel_bytes;
}

std::vector<const std::byte*> all_of(const UpcomingWeights& upcoming, std::int64_t layer,
                                     std::int64_t items) {
  std::vector<const std::byte*> out;
  for (std::int64_t item = 0; item < items; ++item) {
    const auto slices = upcoming.slices(layer, item, items, kMost);
    EXPECT_LE(slices.size(), static_cast<std::size_t>(kMost));
    out.insert(out.end(), slices.begin(), slices.end());
  }
  return out;
}

TEST(UpcomingWeights, ItemsTogetherFetchWhatIsReadOnce) {
  const Weights model = weights();
  for (const int threads : {1, 2, 3}) {
    const UpcomingWeights upcoming(model, threads, kSlice);
    const std::vector<const std::byte*> slices = all_of(upcoming, 1, 1000);
    EXPECT_EQ(std::set(slices.begin(), slices.end()).size(), slices.size());
    const LayerWeights& layer = model.layers[1];
    std::int64_t bytes = 0;
    for (const auto* part : {&layer.o, &layer.gate, &layer.up, &layer.down})
      bytes += part->panels * part->panel_bytes;
    EXPECT_GT(std::ssize(slices) * kSlice, bytes - threads * 4 * kSlice);
    for (const std::byte* slice : slices)
      EXPECT_TRUE(within(layer.o, slice) || within(layer.gate, slice) || within(layer.up, slice) ||
                  within(layer.down, slice));
  }
}

TEST(UpcomingWeights, EachThreadBeginsWithWhatItReadsFirst) {
  const Weights model = weights();
  const UpcomingWeights upcoming(model, 2, kSlice);
  const LayerWeights& layer = model.layers[0];
  EXPECT_EQ(upcoming.slices(0, 0, 8, kMost)[0], layer.o.panel(0));
  EXPECT_EQ(upcoming.slices(0, 4, 8, kMost)[0], layer.o.panel(layer.o.panels / 2));
  const auto next = upcoming.slices(0, 1, 8, kMost);  // o is 36,864 bytes: 4 slices a thread
  EXPECT_EQ(next[0], layer.o.panel(0) + kMost * kSlice);
  EXPECT_EQ(next[1], layer.gate.panel(0));
  EXPECT_EQ(next[2], layer.up.panel(0));
}

TEST(UpcomingWeights, ManyItemsRunOut) {
  const Weights model = weights();
  EXPECT_TRUE(UpcomingWeights(model, 2, kSlice).slices(1, 499, 1000, kMost).empty());
}

}  // namespace
}  // namespace atelier::model
