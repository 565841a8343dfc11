// The linear kernels for AMX tiles, with AVX-512 around them.
#include "kernels/cpu/row_lanes_amx.h"
//
#include "kernels/cpu/prepare_blocks_avx512.h"
#include "kernels/cpu/tiles_amx.h"
#include "kernels/linear_ops.h"

namespace atelier::kernels {
namespace {
constexpr int kFewRows = 8;
constexpr int kRowsIntoL2 = 0;
constexpr bool kPairsByRows = true;
constexpr int kFloatRows = 8, kFloatPanels = 2;  // 16 sums in flight
constexpr std::int64_t kTilesFromRows = 9;
}  // namespace
}  // namespace atelier::kernels

#include "kernels/cpu/linear_tiles_int8.h"
// The bf16 tiles bring Ops::linear along.
#include "kernels/cpu/linear_tiles_bf16.h"
#include "kernels/cpu/prepare_bf16.h"

namespace atelier::kernels {

extern const LinearOps kLinearAmx = {true, prepare_with_bf16_pairs, linear_with_tiles};

}  // namespace atelier::kernels
