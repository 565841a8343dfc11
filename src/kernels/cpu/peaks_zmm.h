// Sixteen independent chains of one three-operand instruction: enough for latency 6 on two ports.
#pragma once

#include <cstdint>

namespace atelier::kernels {
namespace {
constexpr int kZmmChains = 16;
}  // namespace
}  // namespace atelier::kernels

#define ATELIER_ZMM_FOUR(instruction, a, b, c, d)                                           \
  instruction " %%zmm30, %%zmm31, %%zmm" #a "\n " instruction " %%zmm30, %%zmm31, %%zmm" #b \
              "\n " instruction " %%zmm30, %%zmm31, %%zmm" #c "\n " instruction             \
              " %%zmm30, %%zmm31, %%zmm" #d "\n"

#define ATELIER_ZMM_CHAINS(instruction, rounds)                                                          \
  do {                                                                                                   \
    std::int64_t left = (rounds);                                                                        \
    asm volatile(                                                                                        \
        "vpxorq %%zmm30, %%zmm30, %%zmm30\n vpxorq %%zmm31, %%zmm31, %%zmm31\n 1:\n" ATELIER_ZMM_FOUR(   \
            instruction, 0, 1, 2, 3) ATELIER_ZMM_FOUR(instruction, 4, 5, 6, 7)                           \
            ATELIER_ZMM_FOUR(instruction, 8, 9, 10, 11)                                                  \
                ATELIER_ZMM_FOUR(instruction, 12, 13, 14, 15) "dec %0\n jnz 1b\n vzeroupper\n"           \
        : "+r"(left)                                                                                     \
        :                                                                                                \
        : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm30", "xmm31");                                \
  } while (false)
