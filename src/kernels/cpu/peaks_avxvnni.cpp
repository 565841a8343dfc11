#include "kernels/cpu/peaks.h"

namespace atelier::kernels {
namespace {

constexpr int kChains = 12;  // latency 5 on two ports, within 16 registers

// {vex}: the AVX-VNNI encoding, not that of AVX-512 VL.
double int8(std::int64_t rounds) {
  std::int64_t left = rounds;
#define ATELIER_PRODUCT(sum) "%{vex%} vpdpbusd %%ymm14, %%ymm15, %%ymm" #sum "\n"
#define ATELIER_THREE(a, b, c) ATELIER_PRODUCT(a) ATELIER_PRODUCT(b) ATELIER_PRODUCT(c)
  asm volatile(
      "vpxor %%ymm14, %%ymm14, %%ymm14\n vpxor %%ymm15, %%ymm15, %%ymm15\n"
      "1:\n" ATELIER_THREE(0, 1, 2) ATELIER_THREE(3, 4, 5) ATELIER_THREE(6, 7, 8)
          ATELIER_THREE(9, 10, 11) "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(left)
      :
      : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm14", "xmm15");
#undef ATELIER_THREE
#undef ATELIER_PRODUCT
  return 2.0 * 32 * kChains * static_cast<double>(rounds);
}

}  // namespace

extern const Peaks kPeaksAvxVnni = {nullptr, int8, nullptr, nullptr, nullptr};

}  // namespace atelier::kernels
