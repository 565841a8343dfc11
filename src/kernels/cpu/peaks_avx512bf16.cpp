#include "kernels/cpu/peaks.h"
#include "kernels/cpu/peaks_zmm.h"

namespace atelier::kernels {
namespace {

double bf16(std::int64_t rounds) {
  ATELIER_ZMM_CHAINS("vdpbf16ps", rounds);
  return 2.0 * 32 * kZmmChains * static_cast<double>(rounds);
}

}  // namespace

extern const Peaks kPeaksAvx512Bf16 = {nullptr, nullptr, bf16, nullptr, nullptr, nullptr};

}  // namespace atelier::kernels
