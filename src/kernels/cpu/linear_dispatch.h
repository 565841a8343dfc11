// From a matrix's kind, at run time, to the kernels made for it. Visit: a functor whose operator() is a
// template over the kind.
#pragma once

#include "kernels/cpu/linear_f32.h"
#include "kernels/cpu/linear_int8_chunk.h"

namespace atelier::kernels {
namespace {

template <class Visit>
inline void visit_quantised(DType kind, const Visit& visit) {
  switch (kind) {
    case DType::kQ4_0:
      return visit.template operator()<DType::kQ4_0>();
    case DType::kQ4_1:
      return visit.template operator()<DType::kQ4_1>();
    case DType::kQ5_0:
      return visit.template operator()<DType::kQ5_0>();
    case DType::kQ5_1:
      return visit.template operator()<DType::kQ5_1>();
    case DType::kQ8_0:
      return visit.template operator()<DType::kQ8_0>();
    case DType::kQ2_K:
      return visit.template operator()<DType::kQ2_K>();
    case DType::kQ3_K:
      return visit.template operator()<DType::kQ3_K>();
    case DType::kQ4_K:
      return visit.template operator()<DType::kQ4_K>();
    case DType::kQ5_K:
      return visit.template operator()<DType::kQ5_K>();
    case DType::kQ6_K:
      return visit.template operator()<DType::kQ6_K>();
    case DType::kIQ4_NL:
      return visit.template operator()<DType::kIQ4_NL>();
    default:
      return;
  }
}

template <class Visit>
inline void visit_any(DType kind, const Visit& visit) {
  switch (kind) {
    case DType::kF32:
      return visit.template operator()<DType::kF32>();
    case DType::kF16:
      return visit.template operator()<DType::kF16>();
    case DType::kBF16:
      return visit.template operator()<DType::kBF16>();
    default:
      return visit_quantised(kind, visit);
  }
}

inline void linear_by_int8(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                           std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  visit_quantised(w.source, [&]<DType kKind>() { linear_int8<kKind>(w, x, bias, y, y_stride, begin, end); });
}

// kBf16: x holds values rounded to bf16, and the weights are rounded too.
template <bool kBf16>
inline void linear_by_f32(const PackedMatrix& w, const Activations& x, const float* bias, float* y,
                          std::int64_t y_stride, std::int64_t begin, std::int64_t end) {
  visit_any(w.source, [&]<DType kKind>() { linear_f32<kKind, kBf16>(w, x, bias, y, y_stride, begin, end); });
}

// Ops::linear of a table without bf16 products.
inline void linear_with_f32_bf16(const PackedMatrix& w, const Activations& x, ActivationForm form,
                                 const float* bias, float* y, std::int64_t y_stride, std::int64_t begin,
                                 std::int64_t end) {
  if (form == ActivationForm::kInt8) return linear_by_int8(w, x, bias, y, y_stride, begin, end);
  if (form == ActivationForm::kBF16) return linear_by_f32<true>(w, x, bias, y, y_stride, begin, end);
  linear_by_f32<false>(w, x, bias, y, y_stride, begin, end);
}

}  // namespace
}  // namespace atelier::kernels
