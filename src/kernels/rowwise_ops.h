// The functions of an Ops table that work on one row at a time: one constant per instruction set, all
// bit-equal (rowwise_test.cpp). What each does: ops.h.
#pragma once

#include "kernels/ops.h"

namespace atelier::kernels {

struct RowwiseOps {
  decltype(Ops::rms_norm) rms_norm;
  decltype(Ops::rope) rope;
  decltype(Ops::swiglu) swiglu;
  decltype(Ops::add) add;
  decltype(Ops::log_sum_exp) log_sum_exp;
};

extern const RowwiseOps kRowwiseScalar, kRowwiseAvx2, kRowwiseAvx512;

}  // namespace atelier::kernels
