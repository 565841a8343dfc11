// The linear kernels for AVX-512 with VNNI and without bf16 products.
#include "kernels/cpu/quad_lanes_avx512.h"
//
#include "kernels/cpu/prepare_blocks_avx512.h"
#include "kernels/linear_ops.h"

namespace atelier::kernels {
namespace {
constexpr int kFewRows = 8;
constexpr int kRowsIntoL2 = 0;
constexpr int kFloatRows = 8, kFloatPanels = 2;  // 16 sums in flight
}  // namespace
}  // namespace atelier::kernels

#include "kernels/cpu/linear_dispatch.h"
#include "kernels/cpu/prepare_rows.h"

namespace atelier::kernels {

extern const LinearOps kLinearAvx512 = {false, prepare_with_f32_bf16, linear_with_f32_bf16};

}  // namespace atelier::kernels
