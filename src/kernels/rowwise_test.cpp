#include "kernels/rowwise_ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/cpu_features.h"

namespace atelier::kernels {
namespace {

constexpr float kEps = std::numeric_limits<float>::epsilon();
const std::vector<std::int64_t> kLengths = {1, 2, 15, 16, 17, 31, 63, 64, 576, 896, 1000, 5001};

struct Table {
  const char* isa;
  const RowwiseOps* ops;
};

std::vector<Table> tables() {
  std::vector<Table> out = {{"scalar", &kRowwiseScalar}};
  if (cpu_features().avx2) out.push_back({"avx2", &kRowwiseAvx2});
  if (cpu_features().avx512) out.push_back({"avx512", &kRowwiseAvx512});
  return out;
}

std::vector<float> random_values(std::int64_t n, float spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> out(static_cast<std::size_t>(n));
  for (float& value : out) value = normal(random);
  return out;
}

// Bits, so that the sign of a zero counts too.
void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b, const char* isa) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << isa << ", n = " << a.size();
}

// Runs `compute` with every table and returns the scalar result, the others being equal to it.
template <class Compute>
std::vector<float> same_everywhere(Compute compute) {
  const std::vector<float> reference = compute(kRowwiseScalar);
  for (const Table& table : tables()) expect_same_bits(compute(*table.ops), reference, table.isa);
  return reference;
}

TEST(Rowwise, RmsNormIsTheFormulaOnEveryIsa) {
  for (const std::int64_t n : kLengths) {
    const std::vector<float> x = random_values(n, 3.0f, 1), weight = random_values(n, 1.0f, 2);
    const std::vector<float> got = same_everywhere([&](const RowwiseOps& ops) {
      std::vector<float> out(x.size());
      ops.rms_norm(x.data(), weight.data(), 1e-6f, out.data(), n);
      return out;
    });
    double squares = 0;
    for (const float value : x) squares += double{value} * value;
    const double inverse = 1.0 / std::sqrt(squares / static_cast<double>(n) + 1e-6);
    // Each lane sums n/16 + 4 terms, all positive; then a root, a quotient and two products.
    const double bound = (static_cast<double>(n) / 32.0 + 8.0) * kEps;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double want = x[i] * inverse * weight[i];
      EXPECT_NEAR(got[i], want, bound * std::abs(want)) << "n = " << n;
    }
  }
}

TEST(Rowwise, RopeTurnsPairsOnEveryIsa) {
  for (const std::int64_t head_dim : {2, 10, 16, 40, 64, 80, 128}) {
    const std::int64_t heads = 3, half = head_dim / 2;
    const std::vector<float> x = random_values(heads * head_dim, 2.0f, 3);
    std::vector<float> cos, sin;
    for (std::int64_t i = 0; i < half; ++i) {
      cos.push_back(std::cos(0.3f * static_cast<float>(i + 1)));
      sin.push_back(std::sin(0.3f * static_cast<float>(i + 1)));
    }
    const std::vector<float> got = same_everywhere([&](const RowwiseOps& ops) {
      std::vector<float> out = x;
      ops.rope(out.data(), heads, head_dim, cos.data(), sin.data());
      return out;
    });
    for (std::int64_t head = 0; head < heads; ++head)
      for (std::int64_t i = 0; i < half; ++i) {
        const std::size_t a = static_cast<std::size_t>(head * head_dim + i),
                          b = a + static_cast<std::size_t>(half);
        const double c = cos[static_cast<std::size_t>(i)], s = sin[static_cast<std::size_t>(i)];
        const double bound = 2 * kEps * (std::abs(x[a]) + std::abs(x[b]));
        EXPECT_NEAR(got[a], x[a] * c - x[b] * s, bound);
        EXPECT_NEAR(got[b], x[b] * c + x[a] * s, bound);
      }
  }
}

TEST(Rowwise, SwigluIsTheFormulaOnEveryIsa) {
  for (const std::int64_t n : kLengths) {
    std::vector<float> gate = random_values(n, 12.0f, 4);
    gate[0] = n % 2 == 0 ? -300.0f : 300.0f;
    const std::vector<float> up = random_values(n, 1.0f, 5);
    const std::vector<float> got = same_everywhere([&](const RowwiseOps& ops) {
      std::vector<float> out = gate;
      ops.swiglu(out.data(), up.data(), n, 1, n);
      return out;
    });
    for (std::size_t i = 0; i < gate.size(); ++i) {
      const double g = gate[i], want = g / (1.0 + std::exp(-g)) * up[i];
      // exp within 2 ulp and floored at e^-80 and e^88, then three roundings.
      EXPECT_NEAR(got[i], want, 6 * kEps * std::abs(want) + 1e-34) << "gate " << g;
    }
  }
}

// Rows are taken four at a time: what a row yields does not depend on its place, nor is anything written
// between the rows.
TEST(Rowwise, SwigluOfManyRowsIsThatOfEach) {
  constexpr std::int64_t kStride = 80;
  for (const std::int64_t rows : {1, 3, 4, 5, 8, 11}) {
    for (const std::int64_t n : {7, 16, 32, 45, 64}) {
      const std::vector<float> gate = random_values(rows * kStride, 12.0f, 8);
      const std::vector<float> up = random_values(rows * kStride, 1.0f, 9);
      const std::vector<float> got = same_everywhere([&](const RowwiseOps& ops) {
        std::vector<float> out = gate;
        ops.swiglu(out.data(), up.data(), kStride, rows, n);
        return out;
      });
      const std::vector<float> each = same_everywhere([&](const RowwiseOps& ops) {
        std::vector<float> out = gate;
        for (std::int64_t row = 0; row < rows; ++row)
          ops.swiglu(out.data() + row * kStride, up.data() + row * kStride, kStride, 1, n);
        return out;
      });
      EXPECT_EQ(got, each) << rows << " rows of " << n;
      for (std::int64_t i = 0; i < rows * kStride; ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (i % kStride >= n) {
          EXPECT_EQ(got[at], gate[at]) << rows << " rows of " << n << ", value " << i;
        }
      }
    }
  }
}

TEST(Rowwise, AddAddsOnEveryIsa) {
  for (const std::int64_t n : kLengths) {
    const std::vector<float> x = random_values(n, 1.0f, 6), y = random_values(n, 1.0f, 7);
    const std::vector<float> got = same_everywhere([&](const RowwiseOps& ops) {
      std::vector<float> out = x;
      ops.add(out.data(), y.data(), n);
      return out;
    });
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(got[i], x[i] + y[i]);
  }
}

TEST(Rowwise, LogSumExpIsTheFormulaOnEveryIsa) {
  for (const std::int64_t n : {1, 5, 16, 100, 4096, 4097, 49152, 151936}) {
    std::vector<float> x = random_values(n, 4.0f, 8);
    x[x.size() / 2] = n % 2 == 0 ? 40.0f : -std::numeric_limits<float>::infinity();
    if (n == 1) x[0] = -7.5f;
    const std::vector<float> got = same_everywhere([&](const RowwiseOps& ops) {
      std::vector<float> out(2);
      ops.log_sum_exp(x.data(), n, &out[0], &out[1]);
      return out;
    });
    float max = x[0];
    for (const float value : x) max = std::max(max, value);
    double sum = 0;
    for (const float value : x) sum += std::exp(double{value} - max);
    EXPECT_EQ(got[0], max);
    EXPECT_NEAR(got[1], std::log(sum), 1e-6 + kEps * std::log(sum)) << n;
  }
}

}  // namespace
}  // namespace atelier::kernels
