// The reference reading of every block format: bytes -> f32, exactly as gguf-py's dequantize rounds it.
// Scalar, portable, slow; kernels and packing are tested against it. Layouts: ggml-common.h's block structs.
#pragma once

#include <cstddef>
#include <span>

#include "tensor/dtype.h"

namespace atelier::formats {

// out.size() values of `type` from `bytes`; both must be whole blocks.
void dequantise(DType type, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace atelier::formats
