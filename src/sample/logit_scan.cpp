#include "sample/logit_scan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace atelier::sample {

namespace {

constexpr std::int64_t kLanes = 4;
using Floats = float __attribute__((vector_size(16)));
using Words = std::int32_t __attribute__((vector_size(16)));

Floats load(const float* from) {
  Floats value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

Floats splat(float value) {
  return Floats{value, value, value, value};
}

// exp(x) for x <= 0. x = n ln 2 + r with |r| <= ln(2)/2; exp(r) by its Taylor series to r^7 (the first term
// left out is below 6e-9); 2^n by the exponent bits. Below -85 the result is 0.
Floats exp_nonpositive(Floats x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  const Words kept = x >= splat(-85.0f);
  x = std::bit_cast<Floats>(std::bit_cast<Words>(x) & kept);
  const Floats shifted = x * 1.44269504088896341f + kRound;
  const Floats n = shifted - kRound;
  const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  Floats p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const Words exponent = (std::bit_cast<Words>(shifted) - std::bit_cast<std::int32_t>(kRound)) << 23;
  return std::bit_cast<Floats>((std::bit_cast<Words>(p) + exponent) & kept);
}

// The sum of exp((x - max) * scale) over one run of at most kScanBlock values.
float block_exponentials(const float* x, std::int64_t count, Exponent exponent, float* weights) {
  const auto [max, scale] = exponent;
  Floats sum = splat(0), other = splat(0);
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    const Floats a = exp_nonpositive((load(x + i) - max) * scale);
    const Floats b = exp_nonpositive((load(x + i + kLanes) - max) * scale);
    std::memcpy(weights + i, &a, sizeof a);
    std::memcpy(weights + i + kLanes, &b, sizeof b);
    sum += a;
    other += b;
  }
  float rest = 0;
  for (; i < count; ++i) {
    weights[i] = exp_nonpositive(splat((x[i] - max) * scale))[0];
    rest += weights[i];
  }
  sum += other;
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + rest;
}

}  // namespace

// Nothing finite times zero is anything but zero.
Status check_finite(std::span<const float> logits) {
  constexpr std::size_t kAtOnce = 4;  // sums under way, so that none waits for the one before
  Floats sums[kAtOnce] = {};
  std::size_t i = 0;
  for (; i + kAtOnce * kLanes <= logits.size(); i += kAtOnce * kLanes) {
    for (std::size_t k = 0; k < kAtOnce; ++k) sums[k] += load(logits.data() + i + k * kLanes) * splat(0);
  }
  const Floats sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  float zero = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (; i < logits.size(); ++i) zero += logits[i] * 0.0f;
  if (zero == 0) return {};
  const auto bad = std::ranges::find_if_not(logits, [](float x) { return std::isfinite(x); });
  return fail(Fault::kInternal,
              "the model computed {} for token {}: its weights or the input are out of range", *bad,
              bad - logits.begin());
}

std::int32_t argmax(std::span<const float> logits) {
  float best = largest(logits.first(std::min<std::size_t>(kScanBlock, logits.size())));
  std::size_t best_begin = 0;
  for (std::size_t begin = kScanBlock; begin < logits.size(); begin += kScanBlock) {
    const float max =
        largest(logits.subspan(begin, std::min<std::size_t>(kScanBlock, logits.size() - begin)));
    if (max > best) {
      best = max;
      best_begin = begin;
    }
  }
  return static_cast<std::int32_t>(std::find(logits.begin() + best_begin, logits.end(), best) -
                                   logits.begin());
}

float largest(std::span<const float> logits) {
  const std::int64_t count = std::ssize(logits);
  float best = logits[0];
  std::int64_t i = 0;
  if (count >= 4 * kLanes) {
    Floats lanes[4] = {load(&logits[0]), load(&logits[4]), load(&logits[8]), load(&logits[12])};
    for (i = 4 * kLanes; i + 4 * kLanes <= count; i += 4 * kLanes) {
      for (int k = 0; k < 4; ++k) {
        const Floats x = load(&logits[i + k * kLanes]);
        lanes[k] = x > lanes[k] ? x : lanes[k];
      }
    }
    for (const Floats& lane : lanes) {
      for (int k = 0; k < kLanes; ++k) best = std::max(best, lane[k]);
    }
  }
  for (; i < count; ++i) best = std::max(best, logits[i]);
  return best;
}

void block_maxima(std::span<const float> logits, std::vector<float>& maxima) {
  maxima.clear();
  for (std::size_t begin = 0; begin < logits.size(); begin += kScanBlock) {
    const std::size_t count = std::min<std::size_t>(kScanBlock, logits.size() - begin);
    maxima.push_back(largest(logits.subspan(begin, count)));
  }
}

double exponentials(std::span<const float> logits, Exponent exponent, std::span<float> weights,
                    std::span<double> block_sums) {
  double total = 0;
  const std::int64_t count = std::ssize(logits);
  for (std::int64_t begin = 0; begin < count; begin += kScanBlock) {
    const std::int64_t run = std::min(kScanBlock, count - begin);
    const double sum = block_exponentials(&logits[begin], run, exponent, &weights[begin]);
    if (!block_sums.empty()) block_sums[begin / kScanBlock] = sum;
    total += sum;
  }
  return total;
}

double log_sum_exp(std::span<const float> logits) {
  const float max = largest(logits);
  double total = 0;
  float weights[kScanBlock];
  const std::int64_t count = std::ssize(logits);
  for (std::int64_t begin = 0; begin < count; begin += kScanBlock) {
    total += block_exponentials(&logits[begin], std::min(kScanBlock, count - begin), {.max = max}, weights);
  }
  return max + std::log(total);
}

}  // namespace atelier::sample
