// The thin tile layer: eight two-dimensional registers of up to 16 rows x 64 bytes, as AMX has them. Two
// classes have these members: Tiles in tiles_amx.h (the instructions) and in tiles_emulated.h (portable, bit
// for bit the same). A thread configures before it uses and releases when done; nothing is kept between
// calls.
//
//   configure(shape)              one shape per tile
//   zero<T>()  load<T>(p, stride)  store<T>(p, stride)      stride in bytes from row to row
//   dot_i8<C, A, B>()    C += A B: A rows of signed bytes (groups of 4 k), B [k / 4][16 x 4], C int32
//   dot_bf16<C, A, B>()  C += A B: A rows of bf16 pairs, B [k / 2][16 x 2], C f32
#pragma once

#include <cstdint>

namespace atelier::kernels {

struct TileShape {
  std::uint16_t rows = 16, bytes = 64;
};

}  // namespace atelier::kernels
