// Attention over emulated tiles and portable lanes: the tile kernel, tested on any machine.
#include "kernels/cpu/float_lanes_scalar.h"
#include "kernels/cpu/tiles_emulated.h"
//
#include "kernels/cpu/attention_body.h"
#include "kernels/cpu/pair_lanes_scalar.h"
#include "kernels/cpu/query_lanes_scalar.h"
//
#include "kernels/cpu/attention_tiles.h"

namespace atelier::kernels {

const AttentionOps kAttentionEmulated = kAttentionByTiles;

}  // namespace atelier::kernels
