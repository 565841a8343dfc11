#include "kernels/lanes_avx2.h"
//
#include "kernels/rowwise_body.h"

namespace atelier::kernels {

const RowwiseOps kRowwiseAvx2 = kRowwise;

}  // namespace atelier::kernels
