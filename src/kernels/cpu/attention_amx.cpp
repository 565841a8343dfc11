#include "kernels/cpu/float_lanes_avx512.h"
#include "kernels/cpu/tiles_amx.h"
//
#include "kernels/cpu/attention_body.h"
#include "kernels/cpu/pair_lanes_amx.h"
#include "kernels/cpu/query_lanes_avx512.h"
//
#include "kernels/cpu/attention_tiles.h"

namespace atelier::kernels {

const AttentionOps kAttentionAmx = kAttentionByTiles;

}  // namespace atelier::kernels
