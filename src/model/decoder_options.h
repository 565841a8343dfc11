// How a decoder computes: chosen once, by the command line.
#pragma once

#include "kernels/ops.h"
#include "model/kv_store.h"

namespace atelier::model {

struct DecoderOptions {
  kernels::Compute compute = kernels::Compute::kAuto;
  // As which generated rows are multiplied; as prompts they are slower alone and faster in company
  // (kernels::form_for).
  kernels::TokenRole generated_as = kernels::TokenRole::kGenerated;
  KvKind kv = KvKind::kAuto;

  DType kv_dtype() const { return model::kv_dtype(kv, compute); }
};

}  // namespace atelier::model
