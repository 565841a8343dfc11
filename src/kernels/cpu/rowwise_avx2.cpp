#include "kernels/cpu/float_lanes_avx2.h"
//
#include "kernels/cpu/rowwise_body.h"

namespace atelier::kernels {

const RowwiseOps kRowwiseAvx2 = kRowwise;

}  // namespace atelier::kernels
