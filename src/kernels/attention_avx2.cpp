#include "kernels/lanes_avx2.h"
//
#include "kernels/attention_body.h"

namespace atelier::kernels {

const AttentionOps kAttentionAvx2 = kAttention;

}  // namespace atelier::kernels
