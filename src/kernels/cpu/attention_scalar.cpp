#include "kernels/cpu/float_lanes_scalar.h"
//
#include "kernels/cpu/attention_body.h"

namespace atelier::kernels {

const AttentionOps kAttentionScalar = kAttentionByLanes;

}  // namespace atelier::kernels
