#include "kernels/lanes_scalar.h"
//
#include "kernels/rowwise_body.h"

namespace atelier::kernels {

const RowwiseOps kRowwiseScalar = kRowwise;

}  // namespace atelier::kernels
