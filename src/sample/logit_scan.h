// Passes over a whole row of logits (150,000 of them and more, once a token): written on 16-byte vectors that
// every x86-64 has, so a seeded draw does not depend on the instruction set the kernels use.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace atelier::sample {

// kInternal names the first value that is not finite, and its token.
Status check_finite(std::span<const float> logits);

// The lowest index of the largest value; logits not empty and without NaN.
std::int32_t argmax(std::span<const float> logits);

float largest(std::span<const float> logits);  // not empty, no NaN

inline constexpr std::int64_t kScanBlock = 512;

// The largest of each run of kScanBlock logits (the last may be shorter): where to look for large ones.
void block_maxima(std::span<const float> logits, std::vector<float>& maxima);

// weights[i] = exp((logits[i] - max) * scale), scale > 0, relative error below 2e-7 of exact arithmetic on
// the rounded exponent, 0 where that is below 1e-37; returns their sum. block_sums, unless empty, receives
// the sum of each run of kScanBlock weights.
struct Exponent {
  float max = 0;  // no logit is larger
  float scale = 1;
};
double exponentials(std::span<const float> logits, Exponent exponent, std::span<float> weights,
                    std::span<double> block_sums = {});

// log(sum(exp(logits))).
double log_sum_exp(std::span<const float> logits);

}  // namespace atelier::sample
