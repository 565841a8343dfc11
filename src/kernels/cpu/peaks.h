// Loops that do nothing but keep one unit of the processor busy: what a kernel's speed is a share of. One
// constant per instruction set, each the only symbol its file exports; functions are null where the set adds
// nothing.
#pragma once

#include <cstdint>

namespace atelier::kernels {

struct Peaks {
  // Does `rounds` rounds and returns the operations done; a multiply and an add are two.
  using Unit = double (*)(std::int64_t rounds);
  Unit f32 = nullptr;
  Unit int8 = nullptr;
  Unit bf16 = nullptr;
  Unit int8_groups =
      nullptr;  // AMX: products of 32 k, each taken out of its tile and scaled, as int8 weights want
  // Reads every line of [from, from + bytes) once; bytes: a multiple of 512.
  using Read = std::uint64_t (*)(const void* from, std::int64_t bytes);
  // Near caches deliver as fast as loads issue, and a prefetch is one; which prefetches memory wants depends
  // on the processor.
  Read read = nullptr;          // nothing fetched ahead
  Read read_into_l1 = nullptr;  // 2 KiB ahead
  Read read_into_l2 = nullptr;  // 4 KiB ahead
};

extern const Peaks kPeaksAvx2;
extern const Peaks kPeaksAvxVnni;
extern const Peaks kPeaksAvx512;
extern const Peaks kPeaksAvx512Bf16;
extern const Peaks kPeaksAmx;

}  // namespace atelier::kernels
