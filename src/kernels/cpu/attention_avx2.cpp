#include "kernels/cpu/float_lanes_avx2.h"
//
#include "kernels/cpu/attention_body.h"

namespace atelier::kernels {

const AttentionOps kAttentionAvx2 = kAttentionByLanes;

}  // namespace atelier::kernels
