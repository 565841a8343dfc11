// Tiles in portable C++, after the pseudo-code of Intel's manual (SDM volume 2, TDPBSSD and TDPBF16PS): the
// even and the odd products of a row are summed apart from zero by fused multiply-adds, the two sums added,
// the result added to C; subnormals count as zero on the way in and out.
#pragma once

#include <cstring>

#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

class Tiles {
 public:
  void configure(const TileShape (&shape)[8]) {
    for (int i = 0; i < 8; ++i) tiles_[i] = Tile{shape[i], {}};
  }
  void release() {
    const TileShape none[8] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}};
    configure(none);
  }

  template <int kTile>
  void zero() {
    std::memset(tiles_[kTile].row, 0, sizeof tiles_[kTile].row);
  }
  template <int kTile>
  void load(const void* from, std::int64_t stride) {
    zero<kTile>();
    Tile& tile = tiles_[kTile];
    for (int r = 0; r < tile.shape.rows; ++r)
      std::memcpy(tile.row[r], static_cast<const char*>(from) + r * stride, tile.shape.bytes);
  }
  template <int kTile>
  void store(void* to, std::int64_t stride) const {
    const Tile& tile = tiles_[kTile];
    for (int r = 0; r < tile.shape.rows; ++r)
      std::memcpy(static_cast<char*>(to) + r * stride, tile.row[r], tile.shape.bytes);
  }
  template <int kSum, int kA, int kB>
  void dot_i8() {
    Tile& sum = tiles_[kSum];
    for (int m = 0; m < sum.shape.rows; ++m) {
      for (int n = 0; n < sum.shape.bytes / 4; ++n) {
        std::int32_t total = get<std::int32_t>(sum, m, n);
        for (int k = 0; k < tiles_[kA].shape.bytes / 4; ++k) {
          for (int b = 0; b < 4; ++b)
            total += get<std::int8_t>(tiles_[kA], m, 4 * k + b) * get<std::int8_t>(tiles_[kB], k, 4 * n + b);
        }
        put(sum, m, n, total);
      }
    }
  }
  template <int kSum, int kA, int kB>
  void dot_bf16() {
    Tile& sum = tiles_[kSum];
    for (int m = 0; m < sum.shape.rows; ++m) {
      for (int n = 0; n < sum.shape.bytes / 4; ++n) {
        float part[2] = {0.0f, 0.0f};
        for (int k = 0; k < tiles_[kA].shape.bytes / 4; ++k) {
          for (int b = 0; b < 2; ++b)
            part[b] = flushed(
                __builtin_fmaf(bf16(tiles_[kA], m, 2 * k + b), bf16(tiles_[kB], k, 2 * n + b), part[b]));
        }
        const float both = flushed(part[0] + part[1]);
        put(sum, m, n, flushed(flushed(get<float>(sum, m, n)) + both));
      }
    }
  }

 private:
  struct Tile {
    TileShape shape;
    std::uint8_t row[16][64];
  };

  template <class Element>
  static Element get(const Tile& tile, int row, int index) {
    Element out;
    std::memcpy(&out, tile.row[row] + index * sizeof(Element), sizeof(Element));
    return out;
  }
  template <class Element>
  static void put(Tile& tile, int row, int index, Element value) {
    std::memcpy(tile.row[row] + index * sizeof(Element), &value, sizeof(Element));
  }
  static float bf16(const Tile& tile, int row, int index) {
    const std::uint32_t bits = std::uint32_t{get<std::uint16_t>(tile, row, index)} << 16;
    float out;
    std::memcpy(&out, &bits, 4);
    return flushed(out);
  }
  static float flushed(float x) { return __builtin_fabsf(x) < 0x1p-126f ? __builtin_copysignf(0.0f, x) : x; }

  Tile tiles_[8] = {};
};

}  // namespace
}  // namespace atelier::kernels
