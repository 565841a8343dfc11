#include "kernels/lanes_avx512.h"
//
#include "kernels/attention_body.h"

namespace atelier::kernels {

const AttentionOps kAttentionAvx512 = kAttention;

}  // namespace atelier::kernels
