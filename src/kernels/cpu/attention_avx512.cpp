#include "kernels/cpu/float_lanes_avx512.h"
//
#include "kernels/cpu/attention_body.h"

namespace atelier::kernels {

const AttentionOps kAttentionAvx512 = kAttentionByLanes;

}  // namespace atelier::kernels
