#include "base/cpu_features.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace atelier {
namespace {

struct CpuidLeaf {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidLeaf cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  CpuidLeaf out;  // zeros where the processor does not know the leaf
  __get_cpuid_count(leaf, subleaf, &out.eax, &out.ebx, &out.ecx, &out.edx);
  return out;
}

bool bit(std::uint32_t word, int index) {
  return (word >> index & 1u) != 0;
}

// Register states the operating system saves at a context switch (XCR0); 0 where XGETBV is off.
std::uint64_t saved_states(const CpuidLeaf& basic) {
  if (!bit(basic.ecx, 27)) return 0;  // OSXSAVE
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

// Tile data is 8 KiB a thread, so Linux gives it only to processes that ask (Documentation/x86/xstate).
bool ask_for_tile_data() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

CpuFeatures detect() {
  constexpr std::uint64_t kAvxStates = 0x6, kAvx512States = 0xe6, kTileStates = 0x60000;
  const CpuidLeaf basic = cpuid(1, 0), extended = cpuid(7, 0), more = cpuid(7, 1);
  const std::uint64_t states = saved_states(basic);
  const auto saves = [&](std::uint64_t wanted) { return (states & wanted) == wanted; };

  CpuFeatures out;
  out.avx2 = saves(kAvxStates) && bit(extended.ebx, 5) && bit(basic.ecx, 12) && bit(basic.ecx, 29);
  out.avx_vnni = out.avx2 && bit(more.eax, 4);
  out.avx512 = out.avx2 && saves(kAvx512States) && bit(extended.ebx, 16) && bit(extended.ebx, 30) &&
               bit(extended.ebx, 17) && bit(extended.ebx, 31) && bit(extended.ecx, 11);
  out.avx512_bf16 = out.avx512 && bit(more.eax, 5);
  const bool vbmi = bit(extended.ecx, 1);
  out.amx = out.avx512_bf16 && vbmi && saves(kTileStates) && bit(extended.edx, 24) && bit(extended.edx, 25) &&
            bit(extended.edx, 22) && ask_for_tile_data();
  return out;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace atelier
