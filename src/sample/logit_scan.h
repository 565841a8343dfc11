// Passes over a whole row of logits (150,000 of them and more, once a token): written on 16-byte vectors that
// every x86-64 has, so a seeded draw does not depend on the instruction set the kernels use.
#pragma once

#include <cstdint>
#include <span>

namespace atelier::sample {

bool all_finite(std::span<const float> logits);

// The lowest index of the largest value; logits not empty and without NaN.
std::int32_t argmax(std::span<const float> logits);

float largest(std::span<const float> logits);  // not empty, no NaN

inline constexpr std::int64_t kScanBlock = 512;

// weights[i] = exp(logits[i] - max), relative error below 2e-7, 0 where that is below 1e-37; returns their
// sum. block_sums, unless empty, receives the sum of each run of kScanBlock weights.
double exponentials(std::span<const float> logits, float max, std::span<float> weights,
                    std::span<double> block_sums = {});

// log(sum(exp(logits))).
double log_sum_exp(std::span<const float> logits);

}  // namespace atelier::sample
