// The part of an Ops table that multiplies by weights: one constant per instruction set, each the only symbol
// its file exports. backend.cpp puts them into the tables.
#pragma once

#include "kernels/ops.h"

namespace atelier::kernels {

struct LinearOps {
  decltype(Ops::bf16_prompts) bf16_prompts;
  decltype(Ops::prepare) prepare;
  decltype(Ops::linear) linear;
};

extern const LinearOps kLinearScalar;
extern const LinearOps kLinearAvx2;        // needs CpuFeatures::avx2
extern const LinearOps kLinearAvxVnni;     // needs avx_vnni: the table "avx2" takes it where it can
extern const LinearOps kLinearAvx512;      // needs avx512
extern const LinearOps kLinearAvx512Bf16;  // needs avx512_bf16: the table "avx512" takes it where it can
extern const LinearOps kLinearAmx;         // needs amx
extern const LinearOps kLinearEmulated;    // the tile kernels over emulated tiles: tests only, runs anywhere

// A panel's bytes, for ISA files: they call no inline member of another header, lest the linker keep their
// copy.
const std::uint8_t* panel_data(const PackedMatrix& matrix, std::int64_t panel);

}  // namespace atelier::kernels
