#include "kernels/attention_ops.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/cpu_features.h"
#include "tensor/half.h"

namespace atelier::kernels {
namespace {

struct Table {
  const char* isa;
  const AttentionOps* ops;
};

std::vector<Table> tables() {
  std::vector<Table> out = {{"scalar", &kAttentionScalar}};
  if (cpu_features().avx2) out.push_back({"avx2", &kAttentionAvx2});
  if (cpu_features().avx512) out.push_back({"avx512", &kAttentionAvx512});
  return out;
}

struct Shape {
  std::int64_t head_dim, kv_heads, group, tokens;
  DType dtype;
};

// One sequence: random q, k, v of every position, and a KV store whose untouched slots hold NaN.
class Sequence {
 public:
  explicit Sequence(const Shape& shape)
      : shape_(shape),
        q_(random(shape.tokens * heads() * shape.head_dim, 2.0f, 1)),
        k_(random(shape.tokens * shape.kv_heads * shape.head_dim, 2.0f, 2)),
        v_(random(shape.tokens * shape.kv_heads * shape.head_dim, 1.0f, 3)) {
    const std::int64_t blocks = (shape.tokens + kBlockTokens - 1) / kBlockTokens;
    for (std::int64_t i = 0; i < blocks; ++i) table_.push_back(static_cast<std::int32_t>(blocks - i));
    const std::size_t bytes = static_cast<std::size_t>((blocks + 1) * shape.kv_heads * shape.head_dim *
                                                       kBlockTokens * traits(shape.dtype).block_bytes);
    keys_.assign(bytes, std::byte{0xff});
    values_.assign(bytes, std::byte{0xff});
  }

  std::int64_t heads() const { return shape_.kv_heads * shape_.group; }
  std::int64_t width() const { return heads() * shape_.head_dim; }

  KvLayer layer() {
    const std::int64_t block =
        shape_.kv_heads * shape_.head_dim * kBlockTokens * traits(shape_.dtype).block_bytes;
    return {shape_.dtype, shape_.kv_heads, shape_.head_dim, block, keys_.data(), values_.data()};
  }

  // Stores and attends `step` rows at a time, as prefill and decode do.
  std::vector<float> run(const AttentionOps& ops, std::int64_t step) {
    std::fill(keys_.begin(), keys_.end(), std::byte{0xff});
    std::fill(values_.begin(), values_.end(), std::byte{0xff});
    const std::size_t scratch =
        static_cast<std::size_t>(attention_scratch_bytes(shape_.head_dim, shape_.group));
    AlignedBuffer memory(scratch);
    std::memset(memory.data(), 0xff, scratch);
    std::vector<float> out(q_.size());
    for (std::int64_t begin = 0; begin < shape_.tokens; begin += step) {
      const std::int64_t rows = std::min(step, shape_.tokens - begin);
      for (std::int64_t t = begin; t < begin + rows; ++t) store(ops, t);
      const AttentionRows work = {.q = q_.data() + begin * width(),
                                  .out = out.data() + begin * width(),
                                  .q_stride = width(),
                                  .out_stride = width(),
                                  .rows = rows,
                                  .position = begin,
                                  .heads = heads(),
                                  .scale = scale(),
                                  .blocks = table_.data()};
      for (std::int64_t head = 0; head < shape_.kv_heads; ++head)
        ops.attend(layer(), work, head, memory.data());
    }
    return out;
  }

  // softmax(q k^T scale) v in double; k and v as the store keeps them.
  std::vector<double> reference() const {
    std::vector<double> out(q_.size());
    for (std::int64_t t = 0; t < shape_.tokens; ++t)
      for (std::int64_t h = 0; h < heads(); ++h)
        attend_one(t, h, &out[index(t * width() + h * shape_.head_dim)]);
    return out;
  }

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(shape_.head_dim)); }

 private:
  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

  static std::vector<float> random(std::int64_t n, float spread, unsigned seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal(0.0f, spread);
    std::vector<float> out(index(n));
    for (float& value : out) value = normal(engine);
    return out;
  }

  void store(const AttentionOps& ops, std::int64_t t) {
    for (std::int64_t head = 0; head < shape_.kv_heads; ++head) {
      const std::int64_t at = (t * shape_.kv_heads + head) * shape_.head_dim;
      ops.store_kv(layer(), {table_[index(t / kBlockTokens)], t % kBlockTokens, head}, &k_[index(at)],
                   &v_[index(at)]);
    }
  }

  double kept(float value) const {
    return shape_.dtype == DType::kF32 ? value : f32_from_f16(f16_from_f32(value));
  }

  void attend_one(std::int64_t t, std::int64_t h, double* out) const {
    const std::int64_t dim = shape_.head_dim, kv = h / shape_.group;
    std::vector<double> weights;
    double highest = -1e300, total = 0;
    for (std::int64_t s = 0; s <= t; ++s) {
      double score = 0;
      for (std::int64_t d = 0; d < dim; ++d)
        score += double{q_[index(t * width() + h * dim + d)]} *
                 kept(k_[index((s * shape_.kv_heads + kv) * dim + d)]);
      weights.push_back(score * scale());
      highest = std::max(highest, weights.back());
    }
    for (double& weight : weights) total += weight = std::exp(weight - highest);
    for (std::int64_t d = 0; d < dim; ++d) {
      double sum = 0;
      for (std::int64_t s = 0; s <= t; ++s)
        sum += weights[index(s)] * kept(v_[index((s * shape_.kv_heads + kv) * dim + d)]);
      out[d] = sum / total;
    }
  }

  Shape shape_;
  std::vector<float> q_, k_, v_;
  std::vector<std::int32_t> table_;
  std::vector<std::byte> keys_, values_;
};

std::vector<Shape> shapes() {
  std::vector<Shape> out;
  for (const DType dtype : {DType::kF16, DType::kF32})
    for (const std::int64_t head_dim : {16, 64, 80, 128})
      for (const std::int64_t group : {1, 3, 7, 8}) out.push_back({head_dim, 2, group, 75, dtype});
  out.push_back({20, 1, 2, 40, DType::kF16});   // head_dim no multiple of 16
  out.push_back({64, 1, 70, 33, DType::kF16});  // more heads than a tile's queries
  out.push_back({32, 1, 4, 300, DType::kF32});
  return out;
}

std::string describe(const Shape& s) {
  return fmt::format("head_dim {} kv_heads {} group {} tokens {} {}", s.head_dim, s.kv_heads, s.group,
                     s.tokens, traits(s.dtype).name);
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(Attention, IsSoftmaxOfScoresTimesValues) {
  for (const Shape& shape : shapes()) {
    Sequence sequence(shape);
    const std::vector<float> got = sequence.run(kAttentionScalar, shape.tokens);
    const std::vector<double> want = sequence.reference();
    // Scores up to ~40 carry head_dim eps |q||k| ~ 1e-5 absolute, which is the relative error of a weight;
    // values are of size 1.
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
    EXPECT_LT(worst, 4e-5) << describe(shape);
  }
}

TEST(Attention, EveryIsaGivesTheSameBits) {
  for (const Shape& shape : shapes()) {
    Sequence sequence(shape);
    const std::vector<float> reference = sequence.run(kAttentionScalar, shape.tokens);
    for (const Table& table : tables())
      EXPECT_TRUE(same_bits(sequence.run(*table.ops, shape.tokens), reference))
          << table.isa << ", " << describe(shape);
  }
}

TEST(Attention, RowsOneAtATimeGiveTheSameBitsAsAllAtOnce) {
  for (const Table& table : tables())
    for (const Shape& shape : shapes()) {
      Sequence sequence(shape);
      const std::vector<float> whole = sequence.run(*table.ops, shape.tokens);
      for (const std::int64_t step : {1, 5, 31, 32, 33})
        EXPECT_TRUE(same_bits(sequence.run(*table.ops, step), whole))
            << table.isa << ", " << step << " at a time, " << describe(shape);
    }
}

TEST(Attention, ValuesBeyondHalfPrecisionAreKeptAtItsEnd) {
  const std::int64_t dim = 16;
  std::vector<float> k(dim, 1.0f), v(dim, 1e6f);
  v[3] = -1e9f;
  for (const Table& table : tables()) {
    std::vector<std::uint16_t> keys(dim * kBlockTokens), values(dim * kBlockTokens);
    const KvLayer layer = {DType::kF16,
                           1,
                           dim,
                           2 * dim * kBlockTokens,
                           reinterpret_cast<std::byte*>(keys.data()),
                           reinterpret_cast<std::byte*>(values.data())};
    table.ops->store_kv(layer, {0, 5, 0}, k.data(), v.data());
    EXPECT_EQ(f32_from_f16(values[5 * dim]), 65504.0f) << table.isa;
    EXPECT_EQ(f32_from_f16(values[5 * dim + 3]), -65504.0f) << table.isa;
    EXPECT_EQ(f32_from_f16(keys[2 * kBlockTokens + 5]), 1.0f) << table.isa;
  }
}

}  // namespace
}  // namespace atelier::kernels
