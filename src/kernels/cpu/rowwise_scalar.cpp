#include "kernels/cpu/float_lanes_scalar.h"
//
#include "kernels/cpu/rowwise_body.h"

namespace atelier::kernels {

const RowwiseOps kRowwiseScalar = kRowwise;

}  // namespace atelier::kernels
