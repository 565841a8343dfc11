#include "kernels/cpu/float_lanes_avx2.h"
//
#include "kernels/cpu/attention_body.h"
#include "kernels/cpu/query_lanes_avx2.h"
#include "kernels/cpu/word_lanes_avx2.h"
//
#include "kernels/cpu/attention_words.h"

namespace atelier::kernels {

const AttentionOps kAttentionAvxVnni = kAttentionByWords;

}  // namespace atelier::kernels
