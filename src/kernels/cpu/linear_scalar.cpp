// The linear kernels in portable C++: the reference, and what a machine without AVX2 runs.
#include "kernels/cpu/quad_lanes_scalar.h"
#include "kernels/linear_ops.h"

namespace atelier::kernels {
namespace {
constexpr int kFewRows = 4;
constexpr int kRowsIntoL2 = 0;
constexpr int kFloatRows = 1, kFloatPanels = 1;
}  // namespace
}  // namespace atelier::kernels

#include "kernels/cpu/linear_dispatch.h"
#include "kernels/cpu/prepare_rows.h"

namespace atelier::kernels {

extern const LinearOps kLinearScalar = {false, prepare_with_f32_bf16, linear_with_f32_bf16};

}  // namespace atelier::kernels
