#include "kernels/lanes_avx512.h"
//
#include "kernels/rowwise_body.h"

namespace atelier::kernels {

const RowwiseOps kRowwiseAvx512 = kRowwise;

}  // namespace atelier::kernels
