// Every linear kernel on every instruction set this machine has, against a plain sum in double and against
// each other, bit for bit where the arithmetic is fixed.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/cpu_features.h"
#include "kernels/linear_ops.h"
#include "kernels/random_weights.h"

namespace atelier::kernels {
namespace {

struct Table {
  const char* name;
  const LinearOps* ops;
  bool bf16_by_f32;  // kBF16 is the f32 chain over rounded values: equal bits among those tables
};

std::vector<Table> tables() {
  const CpuFeatures& cpu = cpu_features();
  std::vector<Table> out = {{"scalar", &kLinearScalar, true}, {"emulated", &kLinearEmulated, false}};
  if (cpu.avx2) out.push_back({"avx2", &kLinearAvx2, true});
  if (cpu.avx_vnni) out.push_back({"avxvnni", &kLinearAvxVnni, true});
  if (cpu.avx512) out.push_back({"avx512", &kLinearAvx512, true});
  if (cpu.avx512_bf16) out.push_back({"avx512bf16", &kLinearAvx512Bf16, false});
  if (cpu.amx) out.push_back({"amx", &kLinearAmx, false});
  return out;
}

std::vector<float> random_values(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& value : out) value = normal(random);
  return out;
}

struct Case {
  const PackedMatrix& w;
  ActivationForm form;
  std::int64_t rows;
  const std::vector<float>& x;  // [rows][k]
  const std::vector<float>& bias;
};

// y [rows][n + 3]: the columns past n must stay as they were.
constexpr std::int64_t kSpareColumns = 3;
constexpr float kUntouched = 12345.0f;

std::vector<float> run(const LinearOps& ops, const Case& c) {
  AlignedBuffer scratch(static_cast<std::size_t>(activation_bytes(c.form, c.rows, c.w.k)));
  const Activations x = activation_view(c.form, c.rows, c.w.k, scratch.data());
  const std::int64_t half = c.rows / 2, stride = c.w.n + kSpareColumns;
  const std::int64_t cut = c.w.k / 2 / kGroup * kGroup;  // four rectangles, each on its own
  const auto prepare = [&](std::int64_t row, std::int64_t end, std::int64_t column, std::int64_t end_column) {
    const float* from = c.x.data() + row * c.w.k + column;
    ops.prepare({from, c.w.k, row, end - row, column, end_column - column}, c.form, x);
  };
  prepare(half, c.rows, cut, c.w.k);
  prepare(0, half, 0, cut);
  prepare(half, c.rows, 0, cut);
  prepare(0, half, cut, c.w.k);
  std::vector<float> y(static_cast<std::size_t>(c.rows * stride), kUntouched);
  const std::int64_t middle = c.w.panels / 3;
  ops.linear(c.w, x, c.form, c.bias.data(), y.data(), stride, 0, middle);
  ops.linear(c.w, x, c.form, c.bias.data(), y.data(), stride, middle, c.w.panels);
  return y;
}

float as_bf16(float x) {
  return f32_from_bf16(bf16_from_f32(x));
}

// The value and the bound of its rounding errors: k * eps * sum |a b|.
struct Expected {
  double value, bound;
};

// The form's own roundings are part of the definition, so they are made here too; sums are in double.
Expected expected(const Case& c, const std::vector<float>& weights, std::int64_t row, std::int64_t column) {
  const float* x = c.x.data() + row * c.w.k;
  const float* w = weights.data() + column * c.w.k;
  double sum = 0.0, magnitude = 0.0;
  for (std::int64_t g = 0; g < c.w.k; g += kGroup) {
    const std::int64_t end = std::min(g + kGroup, c.w.k);
    float amax = 0.0f;
    for (std::int64_t k = g; k < end; ++k) amax = std::max(amax, std::fabs(x[k]));
    const float scale = amax / 127.0f, inverse = amax > 0 ? 127.0f / amax : 0.0f;
    for (std::int64_t k = g; k < end; ++k) {
      double a = x[k], b = w[k];
      if (c.form == ActivationForm::kInt8) a = double{scale} * std::nearbyint(x[k] * inverse);
      if (c.form == ActivationForm::kBF16) a = as_bf16(x[k]), b = as_bf16(w[k]);
      sum += a * b;
      // A quantised weight's min and offset part cancel in w, not in the sums.
      magnitude += std::fabs(a) * std::fabs(b);
    }
  }
  const double bias = c.bias[static_cast<std::size_t>(column)];
  const double eps = std::numeric_limits<float>::epsilon();
  return {sum + bias, eps * (static_cast<double>(c.w.k) * magnitude + std::fabs(bias) + std::fabs(sum))};
}

std::vector<float> unpacked(const PackedMatrix& w) {
  std::vector<float> out(static_cast<std::size_t>(w.n * w.k));
  for (std::int64_t row = 0; row < w.n; ++row) unpack_row(w, row, out.data() + row * w.k);
  return out;
}

void expect_close(const Case& c, const std::vector<float>& y, const std::vector<float>& weights,
                  const char* name) {
  const std::int64_t stride = c.w.n + kSpareColumns;
  for (std::int64_t row = 0; row < c.rows; ++row) {
    for (std::int64_t column = 0; column < c.w.n; ++column) {
      const Expected e = expected(c, weights, row, column);
      ASSERT_LE(std::fabs(y[static_cast<std::size_t>(row * stride + column)] - e.value), e.bound)
          << name << " " << traits(c.w.source).name << " row " << row << " column " << column;
    }
    for (std::int64_t column = c.w.n; column < stride; ++column)
      ASSERT_EQ(y[static_cast<std::size_t>(row * stride + column)], kUntouched) << name;
  }
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b, std::size_t count) {
  return std::memcmp(a.data(), b.data(), count * sizeof(float)) == 0;
}

// Few rows of portable code: it is slow, above all under sanitizers.
std::vector<std::int64_t> row_counts(const Table& table) {
  if (table.ops == &kLinearScalar || table.ops == &kLinearEmulated) return {1, 5, 16, 40};
  return {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 32, 33, 49, 64};
}
constexpr std::int64_t kMostRows = 67;  // more than the kernels for few rows take

struct Shape {
  std::int64_t n, k;
};

std::vector<Shape> shapes(DType kind) {
  if (!is_quantised(kind)) return {{33, 70}, {16, 96}, {1, 1}};
  if (traits(kind).block_values == 32) return {{33, 96}, {50, 1088}, {15, 32}};
  return {{33, 256}, {16, 1280}};
}

class LinearKinds : public testing::TestWithParam<DType> {
 protected:
  // Checks every table and row count of one form. exact: all tables must agree bit for bit.
  void check(ActivationForm form, bool exact) {
    for (const Shape shape : shapes(GetParam())) {
      const RandomWeights w = random_weights(GetParam(), shape.n, shape.k, 7);
      const std::vector<float> weights = unpacked(w.matrix), bias = random_values(shape.n, 8),
                               x = random_values(kMostRows * shape.k, 9);
      std::vector<float> reference, reference_bf16;
      for (const Table& table : tables()) {
        const std::vector<float> most = run(*table.ops, {w.matrix, form, kMostRows, x, bias});
        expect_close({w.matrix, form, kMostRows, x, bias}, most, weights, table.name);
        for (const std::int64_t rows : row_counts(table)) {
          const std::vector<float> y = run(*table.ops, {w.matrix, form, rows, x, bias});
          EXPECT_TRUE(same_bits(y, most, y.size())) << table.name << ": " << rows << " rows differ from "
                                                    << kMostRows << ", n " << shape.n << " k " << shape.k;
        }
        const bool compare = exact || (form == ActivationForm::kBF16 && table.bf16_by_f32);
        if (reference.empty()) reference = most;
        if (compare) {
          EXPECT_TRUE(same_bits(most, reference, most.size())) << table.name << " differs from scalar";
        }
      }
    }
  }
};

std::string kind_name(const testing::TestParamInfo<DType>& info) {
  return std::string(traits(info.param).name);
}
INSTANTIATE_TEST_SUITE_P(Linear, LinearKinds, testing::ValuesIn(kAllKinds), kind_name);

TEST_P(LinearKinds, Int8IsTheSameBitsEverywhere) {
  if (!is_quantised(GetParam())) GTEST_SKIP() << "plain floats have no int8 form";
  check(ActivationForm::kInt8, true);
}

TEST_P(LinearKinds, F32IsTheSameBitsEverywhere) {
  check(ActivationForm::kF32, true);
}

TEST_P(LinearKinds, Bf16IsWithinItsBoundAndFreeOfNeighbours) {
  check(ActivationForm::kBF16, false);
}

// The emulation is the instruction, bit for bit: also with subnormals, cancellation and large values.
TEST(Tiles, EmulationEqualsTheInstructions) {
  if (!cpu_features().amx) GTEST_SKIP() << "no AMX here";
  const std::int64_t n = 48, k = 320;
  const RandomWeights w = random_weights(DType::kBF16, n, k, 3);
  const std::vector<float> bias(static_cast<std::size_t>(n), 0.0f);
  std::mt19937 random(4);
  std::vector<float> x(static_cast<std::size_t>(kMostRows * k));
  for (float& value : x) {
    const int exponent = static_cast<int>(random() % 5 == 0 ? random() % 240 : 100 + random() % 40) - 126;
    value = std::ldexp(static_cast<float>(random()) / 4294967296.0f - 0.5f, exponent);
  }
  for (const std::int64_t rows : {1, 15, 18, 35, 50, 67}) {
    const Case c = {w.matrix, ActivationForm::kBF16, rows, x, bias};
    const std::vector<float> real = run(kLinearAmx, c), emulated = run(kLinearEmulated, c);
    EXPECT_TRUE(same_bits(real, emulated, real.size())) << rows;
  }
}

// Long rows cross several chunks of k and of rows.
TEST(Linear, LongRowsAndManyRowsAgree) {
  const std::int64_t n = 32, k = 2304, rows = 530;
  for (const DType kind : {DType::kQ4_0, DType::kQ6_K, DType::kBF16}) {
    const RandomWeights w = random_weights(kind, n, k, 5);
    const std::vector<float> bias = random_values(n, 6), x = random_values(rows * k, 7);
    const ActivationForm form = kind == DType::kBF16 ? ActivationForm::kBF16 : ActivationForm::kInt8;
    for (const Table& table : tables()) {
      if (table.ops == &kLinearScalar || table.ops == &kLinearEmulated) continue;  // covered above; slow
      const std::vector<float> all = run(*table.ops, {w.matrix, form, rows, x, bias});
      const std::vector<float> last(x.end() - k, x.end());
      const std::vector<float> one = run(*table.ops, {w.matrix, form, 1, last, bias});
      const std::size_t stride = static_cast<std::size_t>(n + kSpareColumns);
      EXPECT_EQ(std::memcmp(all.data() + stride * (rows - 1), one.data(), stride * 4), 0)
          << table.name << " " << traits(kind).name;
    }
  }
}

// A row and what int8 loses of it, multiplied apart and added: errors 2^-8 as large, less what f32 rounds.
TEST(Linear, TheRemainderBringsBackWhatInt8Loses) {
  const std::int64_t n = 48, k = 288;
  const RandomWeights w = random_weights(DType::kQ8_0, n, k, 12);
  const std::vector<float> bias(static_cast<std::size_t>(n), 0.0f), x = random_values(k, 13);
  std::vector<float> remainder(x.size());
  int8_remainder(x.data(), k, remainder.data());
  for (const Table& table : tables()) {
    const std::vector<float> exact = run(*table.ops, {w.matrix, ActivationForm::kF32, 1, x, bias});
    const std::vector<float> y = run(*table.ops, {w.matrix, ActivationForm::kInt8, 1, x, bias});
    const std::vector<float> more = run(*table.ops, {w.matrix, ActivationForm::kInt8, 1, remainder, bias});
    double lost = 0, left = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      lost += std::abs(y[i] - exact[i]);
      left += std::abs(y[i] + more[i] - exact[i]);
    }
    EXPECT_GT(lost, 0) << table.name;
    EXPECT_LT(left, lost / 100) << table.name;
  }
}

TEST(Linear, TheRemainderOfATinyRowIsTheRow) {
  std::vector<float> x(40, 1e-38f), remainder(x.size());
  x[39] = -2e-38f;
  int8_remainder(x.data(), 40, remainder.data());
  EXPECT_TRUE(same_bits(remainder, x, x.size()));
}

TEST(Linear, ZeroTinyAndHugeActivationsStayFinite) {
  const std::int64_t n = 16, k = 64;
  const RandomWeights w = random_weights(DType::kQ4_0, n, k, 11);
  const std::vector<float> bias(static_cast<std::size_t>(n), 0.0f);
  std::vector<float> x(static_cast<std::size_t>(k), 0.0f);
  x[0] = 1e-38f;
  x[33] = 1e30f;
  std::vector<float> reference;
  for (const Table& table : tables()) {
    const std::vector<float> y = run(*table.ops, {w.matrix, ActivationForm::kInt8, 1, x, bias});
    for (std::int64_t i = 0; i < n; ++i)
      EXPECT_TRUE(std::isfinite(y[static_cast<std::size_t>(i)])) << table.name;
    if (reference.empty()) reference = y;
    EXPECT_TRUE(same_bits(y, reference, y.size())) << table.name;
  }
}

}  // namespace
}  // namespace atelier::kernels
