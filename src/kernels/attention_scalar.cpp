#include "kernels/lanes_scalar.h"
//
#include "kernels/attention_body.h"

namespace atelier::kernels {

const AttentionOps kAttentionScalar = kAttention;

}  // namespace atelier::kernels
