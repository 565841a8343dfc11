// The linear kernels over emulated tiles and portable lanes: the tile kernels, tested on any machine.
#include "kernels/cpu/quad_lanes_scalar.h"
#include "kernels/cpu/tiles_emulated.h"
#include "kernels/linear_ops.h"

namespace atelier::kernels {
namespace {
constexpr int kFewRows = 4;
constexpr int kRowsIntoL2 = 0;
constexpr bool kPairsByRows = true;
constexpr int kFloatRows = 1, kFloatPanels = 1;
constexpr std::int64_t kTilesFromRows = 5;
}  // namespace
}  // namespace atelier::kernels

#include "kernels/cpu/linear_tiles_int8.h"
// The bf16 tiles bring Ops::linear along.
#include "kernels/cpu/linear_tiles_bf16.h"
#include "kernels/cpu/prepare_bf16.h"

namespace atelier::kernels {

extern const LinearOps kLinearEmulated = {true, prepare_with_bf16_pairs, linear_with_tiles};

}  // namespace atelier::kernels
