// The matrix unit fed as a kernel feeds it: 2 x 2 tiles, each product's operands loaded from a small buffer.
#include "kernels/cpu/peaks.h"
#include "kernels/cpu/tiles_amx.h"

namespace atelier::kernels {
namespace {

constexpr std::int64_t kTileBytes = 1024, kBufferTiles = 32;

// bf16 values of either sign around 1 (as bytes: all values), as in real work: zeros would be multiplied a
// quarter faster (measured: 2.59 against 2.09 TFLOP/s). One buffer for all threads: it is only read.
struct Operands {
  alignas(64) unsigned char bytes[kTileBytes * kBufferTiles];

  constexpr Operands() : bytes() {
    for (std::int64_t i = 0; i < kTileBytes * kBufferTiles; i += 2) {
      const auto mixed = static_cast<std::uint32_t>(i + 1) * 2654435761u;
      bytes[i] = static_cast<unsigned char>(mixed >> 24);
      bytes[i + 1] = static_cast<unsigned char>((mixed >> 23 & 1) != 0 ? 0xbf : 0x3f);
    }
  }
};
constexpr Operands kOperands;

template <bool kBf16>
double products(std::int64_t rounds) {
  const TileShape shape[8] = {};
  Tiles::configure(shape);
  Tiles::zero<0>();
  Tiles::zero<1>();
  Tiles::zero<2>();
  Tiles::zero<3>();
  for (std::int64_t i = 0; i < rounds; ++i) {
    const unsigned char* at = kOperands.bytes + (i % (kBufferTiles / 4)) * 4 * kTileBytes;
    Tiles::load<4>(at, 64);
    Tiles::load<5>(at + kTileBytes, 64);
    Tiles::load<6>(at + 2 * kTileBytes, 64);
    Tiles::load<7>(at + 3 * kTileBytes, 64);
    if constexpr (kBf16) {
      Tiles::dot_bf16<0, 4, 6>();
      Tiles::dot_bf16<1, 4, 7>();
      Tiles::dot_bf16<2, 5, 6>();
      Tiles::dot_bf16<3, 5, 7>();
    } else {
      Tiles::dot_i8<0, 4, 6>();
      Tiles::dot_i8<1, 4, 7>();
      Tiles::dot_i8<2, 5, 6>();
      Tiles::dot_i8<3, 5, 7>();
    }
  }
  Tiles::release();
  return 4.0 * 2 * 16 * 16 * (kBf16 ? 32 : 64) * static_cast<double>(rounds);
}

// One scale per 32 k forbids the sums to stay in tiles: a product of half depth, its store, and for each of
// 16 rows a conversion, a product of scales and a fused add. No int8 kernel of this arithmetic is faster than
// this loop.
double group_products(std::int64_t rounds) {
  const TileShape a = {16, 32}, w = {8, 64};
  const TileShape shape[8] = {{}, {}, {}, {}, a, a, w, w};
  Tiles::configure(shape);
  alignas(64) char sums[2][kTileBytes];
  for (std::int64_t i = 0; i < rounds; ++i) {
    const unsigned char* at = kOperands.bytes + (i % kBufferTiles) * kTileBytes;
    Tiles::zero<0>();
    Tiles::load<4>(at, 32);
    Tiles::load<6>(at + 512, 64);
    Tiles::dot_i8<0, 4, 6>();
    Tiles::store<0>(sums[i % 2], 64);
    std::int64_t rows = 4;
    asm volatile(
        "1:\n"
        "vcvtdq2ps %%zmm30, %%zmm0\n vmulps %%zmm30, %%zmm31, %%zmm1\n vfmadd231ps %%zmm30, %%zmm31, %%zmm2\n"
        "vcvtdq2ps %%zmm30, %%zmm3\n vmulps %%zmm30, %%zmm31, %%zmm4\n vfmadd231ps %%zmm30, %%zmm31, %%zmm5\n"
        "vcvtdq2ps %%zmm30, %%zmm6\n vmulps %%zmm30, %%zmm31, %%zmm7\n vfmadd231ps %%zmm30, %%zmm31, %%zmm8\n"
        "vcvtdq2ps %%zmm30, %%zmm9\n vmulps %%zmm30, %%zmm31, %%zmm10\n vfmadd231ps %%zmm30, %%zmm31, "
        "%%zmm11\n"
        "dec %0\n jnz 1b\n"
        : "+r"(rows)
        :
        : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
          "xmm11");
  }
  Tiles::release();
  return 2.0 * 16 * 16 * 32 * static_cast<double>(rounds);
}

}  // namespace

extern const Peaks kPeaksAmx = {nullptr, products<false>, products<true>, group_products, nullptr, nullptr};

}  // namespace atelier::kernels
