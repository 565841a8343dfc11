// The row-wise functions, written once over Lanes. Include after one of the float_lanes_*.h, in that
// instruction set's rowwise_*.cpp and nowhere else. Horizontal sums keep 16 partial sums and fold them in
// Lanes' one tree.
#pragma once

#include "kernels/cpu/float_lanes_math.h"
#include "kernels/rowwise_ops.h"

namespace atelier::kernels {
namespace {

// Calls body(offset, count) for each run of 16 values, the last one shorter.
template <class Body>
void for_each_sixteen(std::int64_t n, Body body) {
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) body(i, 16);
  if (i < n) body(i, static_cast<int>(n - i));
}

Lanes::V load_up_to(const float* p, int count) {
  return count == 16 ? Lanes::load(p) : Lanes::load_part(p, count);
}

void store_up_to(float* p, Lanes::V value, int count) {
  if (count == 16) {
    Lanes::store(p, value);
  } else {
    Lanes::store_part(p, value, count);
  }
}

void rms_norm(const float* x, const float* weight, float eps, float* out, std::int64_t n) {
  Lanes::V squares = Lanes::set(0.0f);
  for_each_sixteen(n, [&](std::int64_t i, int count) {
    const Lanes::V value = load_up_to(x + i, count);
    squares = Lanes::fma(value, value, squares);
  });
  const float mean = Lanes::fold_add(squares) / static_cast<float>(n);
  const Lanes::V inverse = Lanes::set(1.0f / __builtin_sqrtf(mean + eps));
  for_each_sixteen(n, [&](std::int64_t i, int count) {
    const Lanes::V normal = Lanes::mul(load_up_to(x + i, count), inverse);
    store_up_to(out + i, Lanes::mul(normal, load_up_to(weight + i, count)), count);
  });
}

// (a, b) -> (a cos - b sin, b cos + a sin) for the pairs (i, i + head_dim/2).
void rope(float* x, std::int64_t heads, std::int64_t head_dim, const float* cos, const float* sin) {
  const std::int64_t half = head_dim / 2;
  for (std::int64_t head = 0; head < heads; ++head) {
    float* first = x + head * head_dim;
    float* second = first + half;
    for_each_sixteen(half, [&](std::int64_t i, int count) {
      const Lanes::V a = load_up_to(first + i, count), b = load_up_to(second + i, count);
      const Lanes::V c = load_up_to(cos + i, count), s = load_up_to(sin + i, count);
      store_up_to(first + i, Lanes::negated_fma(b, s, Lanes::mul(a, c)), count);
      store_up_to(second + i, Lanes::fma(a, s, Lanes::mul(b, c)), count);
    });
  }
}

// silu(g) = g / (1 + e^-g).
template <class L>
typename L::V gated(const typename L::V& gate, const typename L::V& up) {
  const typename L::V denominator = L::add(exp<L>(L::sub(L::set(0.0f), gate)), L::set(1.0f));
  return L::mul(L::div(gate, denominator), up);
}

// Whole registers of four rows at a time; then what is left.
void swiglu(float* gate, const float* up, std::int64_t stride, std::int64_t rows, std::int64_t n) {
  using Four = Abreast<4>;
  const std::int64_t whole = n / 16 * 16, together = rows / 4 * 4;
  for (std::int64_t row = 0; row < together; row += 4) {
    for (std::int64_t at = row * stride; at < row * stride + whole; at += 16)
      Four::store(gate + at, stride, gated<Four>(Four::load(gate + at, stride), Four::load(up + at, stride)));
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t done = row < together ? whole : 0;
    for_each_sixteen(n - done, [&](std::int64_t i, int count) {
      const std::int64_t at = row * stride + done + i;
      store_up_to(gate + at, gated<Lanes>(load_up_to(gate + at, count), load_up_to(up + at, count)), count);
    });
  }
}

void add(float* x, const float* y, std::int64_t n) {
  for_each_sixteen(n, [&](std::int64_t i, int count) {
    store_up_to(x + i, Lanes::add(load_up_to(x + i, count), load_up_to(y + i, count)), count);
  });
}

// Sums of at most 4096 values in f32 lanes, those in f64: 150,000 logits lose nothing that matters.
void log_sum_exp(const float* x, std::int64_t n, float* max, float* log_sum) {
  constexpr float kLowest = -3.402823466e38f;
  Lanes::V highest = Lanes::set(kLowest);
  for_each_sixteen(n, [&](std::int64_t i, int count) {
    highest = Lanes::max(Lanes::keep_first(load_up_to(x + i, count), count, kLowest), highest);
  });
  *max = Lanes::fold_max(highest);

  const Lanes::V shift = Lanes::set(*max);
  double total = 0.0;
  for (std::int64_t begin = 0; begin < n; begin += 4096) {
    const std::int64_t length = n - begin < 4096 ? n - begin : 4096;
    Lanes::V sum = Lanes::set(0.0f);
    for_each_sixteen(length, [&](std::int64_t i, int count) {
      const Lanes::V value = exp<Lanes>(Lanes::sub(load_up_to(x + begin + i, count), shift));
      sum = Lanes::add(sum, Lanes::keep_first(value, count, 0.0f));
    });
    total += static_cast<double>(Lanes::fold_add(sum));
  }
  *log_sum = static_cast<float>(__builtin_log(total));
}

constexpr RowwiseOps kRowwise = {rms_norm, rope, swiglu, add, log_sum_exp};

}  // namespace
}  // namespace atelier::kernels
