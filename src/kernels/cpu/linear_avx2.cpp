// The linear kernels for AVX2 with FMA and F16C.
#include "kernels/cpu/quad_products_avx2.h"
#include "kernels/linear_ops.h"

namespace atelier::kernels {
namespace {
constexpr int kFewRows = 4;
constexpr int kRowsIntoL2 = 0;
constexpr int kFloatRows = 4, kFloatPanels = 1;  // 8 sums in flight of 16 registers
}  // namespace
}  // namespace atelier::kernels

#include "kernels/cpu/linear_dispatch.h"
#include "kernels/cpu/prepare_rows.h"

namespace atelier::kernels {

extern const LinearOps kLinearAvx2 = {false, prepare_with_f32_bf16, linear_with_f32_bf16};

}  // namespace atelier::kernels
