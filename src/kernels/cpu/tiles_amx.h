// Tiles by AMX. In plain asm: g++ 12's intrinsics take no template argument, and its _tile_loadconfig
// declares only 8 of its 64 bytes as input, so that the stores filling the configuration can vanish. The
// kernel's permission for tile data is asked by base/cpu_features.
#pragma once

#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

class Tiles {
 public:
  static void configure(const TileShape (&shape)[8]) {
    struct alignas(64) Configuration {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t bytes[16] = {};
      std::uint8_t rows[16] = {};
    };
    Configuration config;
    for (int i = 0; i < 8; ++i) {
      config.bytes[i] = shape[i].bytes;
      config.rows[i] = static_cast<std::uint8_t>(shape[i].rows);
    }
    asm volatile("ldtilecfg %0" ::"m"(config) : "memory");
  }
  static void release() { asm volatile("tilerelease" ::: "memory"); }

  template <int kTile>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
  }
  template <int kTile>
  static void load(const void* from, std::int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  static void store(void* to, std::int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kSum, int kA, int kB>
  static void dot_i8() {
    asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
  template <int kSum, int kA, int kB>
  static void dot_bf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSum), "i"(kA), "i"(kB));
  }
};

}  // namespace
}  // namespace atelier::kernels
