#ifndef __clang__  // g++ 12 warns inside its own AVX-512 headers
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include "kernels/cpu/peaks.h"
#include "kernels/cpu/peaks_zmm.h"

namespace atelier::kernels {
namespace {

double f32(std::int64_t rounds) {
  ATELIER_ZMM_CHAINS("vfmadd231ps", rounds);
  return 2.0 * 16 * kZmmChains * static_cast<double>(rounds);
}

double int8(std::int64_t rounds) {
  ATELIER_ZMM_CHAINS("vpdpbusd", rounds);
  return 2.0 * 64 * kZmmChains * static_cast<double>(rounds);
}

template <std::int64_t kIntoL1, std::int64_t kIntoL2>  // bytes ahead
std::uint64_t read(const void* from, std::int64_t bytes) {
  const char* at = static_cast<const char*>(from);
  __m512i seen[8] = {};
  for (const char* end = at + bytes; at < end; at += 512) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      if constexpr (kIntoL1 > 0) _mm_prefetch(at + i * 64 + kIntoL1, _MM_HINT_T0);
      if constexpr (kIntoL2 > 0) _mm_prefetch(at + i * 64 + kIntoL2, _MM_HINT_T1);
      seen[i] = _mm512_or_si512(seen[i], _mm512_load_si512(at + i * 64));
    }
  }
  for (int i = 1; i < 8; ++i) seen[0] = _mm512_or_si512(seen[0], seen[i]);
  return static_cast<std::uint64_t>(_mm512_reduce_or_epi64(seen[0]));
}

}  // namespace

extern const Peaks kPeaksAvx512 = {f32, int8, nullptr, nullptr, read<0, 0>, read<2048, 0>, read<0, 4096>};

}  // namespace atelier::kernels
