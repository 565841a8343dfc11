// What this processor can do, by feature bits (CPUID, XGETBV and, for AMX, the kernel's permission): never by
// model name, which hypervisors get wrong.
#pragma once

namespace atelier {

struct CpuFeatures {
  bool avx2 = false;         // AVX2 + FMA + F16C
  bool avx_vnni = false;     // 256-bit VPDPBUSD, with avx2
  bool avx512 = false;       // F, BW, DQ, VL, VNNI
  bool avx512_bf16 = false;  // VDPBF16PS, with avx512
  bool amx = false;          // TILE, INT8, BF16, permission granted, with avx512_bf16 and VBMI
};

const CpuFeatures& cpu_features();  // detected once, thread-safe

}  // namespace atelier
