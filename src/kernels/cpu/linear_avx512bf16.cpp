// The linear kernels for AVX-512 with VNNI and bf16 products: two bf16 products a lane and instruction.
#include "kernels/cpu/quad_lanes_avx512.h"
//
#include "kernels/cpu/prepare_blocks_avx512.h"
#include "kernels/linear_ops.h"

namespace atelier::kernels {
namespace {
constexpr int kFewRows = 8;
constexpr int kRowsIntoL2 = 4;
constexpr bool kPairsByRows = false;
constexpr int kFloatRows = 8, kFloatPanels = 2;  // 16 sums in flight
}  // namespace
}  // namespace atelier::kernels

#include "kernels/cpu/bf16_lanes_avx512bf16.h"
#include "kernels/cpu/linear_bf16.h"
#include "kernels/cpu/linear_dispatch.h"
#include "kernels/cpu/prepare_bf16.h"

namespace atelier::kernels {

extern const LinearOps kLinearAvx512Bf16 = {false, prepare_with_bf16_pairs, linear_with_bf16_pairs};

}  // namespace atelier::kernels
