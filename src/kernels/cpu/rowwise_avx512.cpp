#include "kernels/cpu/float_lanes_avx512.h"
//
#include "kernels/cpu/rowwise_body.h"

namespace atelier::kernels {

const RowwiseOps kRowwiseAvx512 = kRowwise;

}  // namespace atelier::kernels
