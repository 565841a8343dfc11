#include <immintrin.h>

#include "kernels/cpu/peaks.h"

namespace atelier::kernels {
namespace {

constexpr int kChains = 12;  // latency 4-5 on two ports, within 16 registers

double f32(std::int64_t rounds) {
  std::int64_t left = rounds;
  asm volatile(
      "vxorps %%ymm14, %%ymm14, %%ymm14\n vxorps %%ymm15, %%ymm15, %%ymm15\n"
      "1:\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm0\n vfmadd231ps %%ymm14, %%ymm15, %%ymm1\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm2\n vfmadd231ps %%ymm14, %%ymm15, %%ymm3\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm4\n vfmadd231ps %%ymm14, %%ymm15, %%ymm5\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm6\n vfmadd231ps %%ymm14, %%ymm15, %%ymm7\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm8\n vfmadd231ps %%ymm14, %%ymm15, %%ymm9\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm10\n vfmadd231ps %%ymm14, %%ymm15, %%ymm11\n"
      "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(left)
      :
      : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm14", "xmm15");
  return 2.0 * 8 * kChains * static_cast<double>(rounds);
}

// Without VNNI eight products of 4-bit weights are summed in 16 bits and then widened: the best case.
double int8(std::int64_t rounds) {
  std::int64_t left = rounds;
#define ATELIER_MORE(part, more) \
  "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #more "\n vpaddw %%ymm" #more ", %%ymm" #part ", %%ymm" #part "\n"
#define ATELIER_EIGHT(sum, part, more)                                                                     \
  "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #part "\n" ATELIER_MORE(part, more) ATELIER_MORE(part, more)        \
      ATELIER_MORE(part, more) ATELIER_MORE(part, more) ATELIER_MORE(part, more) ATELIER_MORE(part, more)  \
          ATELIER_MORE(part, more) "vpmaddwd %%ymm13, %%ymm" #part ", %%ymm" #part "\n vpaddd %%ymm" #part \
                                   ", %%ymm" #sum ", %%ymm" #sum "\n"
  asm volatile(
      "vpxor %%ymm13, %%ymm13, %%ymm13\n vpxor %%ymm14, %%ymm14, %%ymm14\n vpxor %%ymm15, %%ymm15, %%ymm15\n"
      "1:\n" ATELIER_EIGHT(0, 4, 8) ATELIER_EIGHT(1, 5, 9) ATELIER_EIGHT(2, 6, 10)
          ATELIER_EIGHT(3, 7, 11) "dec %0\n jnz 1b\n vzeroupper\n"
      : "+r"(left)
      :
      : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm13", "xmm14", "xmm15");
#undef ATELIER_EIGHT
#undef ATELIER_MORE
  return 2.0 * 32 * 8 * 4 * static_cast<double>(rounds);
}

template <std::int64_t kIntoL1, std::int64_t kIntoL2>  // bytes ahead
std::uint64_t read(const void* from, std::int64_t bytes) {
  const auto* at = static_cast<const __m256i*>(from);
  __m256i seen[4] = {};
  for (const __m256i* end = at + bytes / 32; at < end; at += 8) {
    for (int i = 0; i < 8; i += 2) {
      const char* line = reinterpret_cast<const char*>(at + i);
      if constexpr (kIntoL1 > 0) _mm_prefetch(line + kIntoL1, _MM_HINT_T0);
      if constexpr (kIntoL2 > 0) _mm_prefetch(line + kIntoL2, _MM_HINT_T1);
      seen[i / 2] = _mm256_or_si256(
          seen[i / 2], _mm256_or_si256(_mm256_load_si256(at + i), _mm256_load_si256(at + i + 1)));
    }
  }
  const __m256i all = _mm256_or_si256(_mm256_or_si256(seen[0], seen[1]), _mm256_or_si256(seen[2], seen[3]));
  return static_cast<std::uint64_t>(_mm256_extract_epi64(all, 0));
}

}  // namespace

extern const Peaks kPeaksAvx2 = {f32, int8, nullptr, nullptr, read<0, 0>, read<2048, 0>, read<0, 4096>};

}  // namespace atelier::kernels
