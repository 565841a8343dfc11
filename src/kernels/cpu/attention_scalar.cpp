#include "kernels/cpu/float_lanes_scalar.h"
//
#include "kernels/cpu/attention_body.h"

namespace atelier::kernels {

const AttentionOps kAttentionScalar = kAttention;

}  // namespace atelier::kernels
