// The memory of prepared activations: which form a matrix wants, how long it is, where each part stands.
#include <algorithm>
#include <cmath>

#include "kernels/ops.h"

namespace atelier::kernels {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

std::int64_t block_rows(std::int64_t rows) {
  return std::clamp<std::int64_t>(rows, 1, kBlockRows);
}

// Rows with those that fill the last block: tiles read them whole.
std::int64_t padded_rows(std::int64_t rows) {
  return round_up(std::max<std::int64_t>(rows, 1), block_rows(rows));
}

}  // namespace

ActivationForm form_for(const Ops& ops, Compute compute, TokenRole role, DType weights) {
  switch (compute) {
    case Compute::kF32:
      return ActivationForm::kF32;
    case Compute::kBF16:
      return ActivationForm::kBF16;
    case Compute::kAuto:
      break;
  }
  if (weights == DType::kF32) return ActivationForm::kF32;
  if (weights == DType::kBF16) return ActivationForm::kBF16;
  if (ops.bf16_prompts && role == TokenRole::kPrompt) return ActivationForm::kBF16;
  return weights == DType::kF16 ? ActivationForm::kF32 : ActivationForm::kInt8;
}

void int8_remainder(const float* x, std::int64_t k, float* out) {
  // Added and taken away, 1.5 x 2^23 rounds to even, as prepare does.
  constexpr float kRound = 12582912.0f;
  for (std::int64_t at = 0; at < k; at += kGroup) {
    const std::int64_t count = std::min(kGroup, k - at);
    float amax = 0.0f;
    for (std::int64_t i = 0; i < count; ++i) amax = std::max(amax, std::fabs(x[at + i]));
    const bool zero = amax < kSmallestAmax;
    const float scale = zero ? 0.0f : amax / 127.0f, inverse = zero ? 0.0f : 127.0f / amax;
    for (std::int64_t i = 0; i < count; ++i)
      out[at + i] = x[at + i] - scale * (x[at + i] * inverse + kRound - kRound);
  }
}

std::int64_t activation_bytes(ActivationForm form, std::int64_t rows, std::int64_t k) {
  const std::int64_t values = padded_rows(rows) * round_up(k, kGroup);
  if (form != ActivationForm::kInt8) return round_up(values * 4, kLineBytes);
  // One line more: sums are taken 4 rows at a time, and read past a block of fewer.
  return round_up(values, kLineBytes) + 4 * round_up(values / kGroup * 4, kLineBytes) + kLineBytes;
}

Activations activation_view(ActivationForm form, std::int64_t rows, std::int64_t k, std::byte* scratch) {
  Activations view;
  view.rows = rows;
  view.cols = round_up(k, kGroup);
  view.block = block_rows(rows);
  if (form == ActivationForm::kInt8) {
    const std::int64_t values = padded_rows(rows) * view.cols,
                       side = round_up(values / kGroup * 4, kLineBytes);
    view.q8 = reinterpret_cast<std::int8_t*>(scratch);
    scratch += round_up(values, kLineBytes);
    view.scale = reinterpret_cast<float*>(scratch);
    view.scaled_sum = reinterpret_cast<float*>(scratch + side);
    view.minus_sum = reinterpret_cast<std::int32_t*>(scratch + 2 * side);
    view.minus_half_sum = reinterpret_cast<std::int32_t*>(scratch + 3 * side);
  } else {
    view.f32 = reinterpret_cast<float*>(scratch);
    if (form == ActivationForm::kBF16) view.bf16 = reinterpret_cast<std::uint16_t*>(scratch);
  }
  return view;
}

}  // namespace atelier::kernels
