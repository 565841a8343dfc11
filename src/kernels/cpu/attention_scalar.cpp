#include "kernels/cpu/float_lanes_scalar.h"
//
#include "kernels/cpu/attention_body.h"
#include "kernels/cpu/query_lanes_scalar.h"
#include "kernels/cpu/word_lanes_scalar.h"
//
#include "kernels/cpu/attention_words.h"

namespace atelier::kernels {

const AttentionOps kAttentionScalar = kAttentionByWords;

}  // namespace atelier::kernels
