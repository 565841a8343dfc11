// One sequence for the attention tests: random queries, keys and values of every position, and a KV store
// whose untouched slots hold NaN.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kernels/attention_ops.h"
#include "tensor/aligned_buffer.h"
#include "tensor/half.h"

namespace atelier::kernels {

struct SequenceShape {
  std::int64_t head_dim, kv_heads, group, tokens;
  DType dtype;
};

class RandomSequence {
 public:
  explicit RandomSequence(const SequenceShape& shape)
      : shape_(shape),
        q_(random(shape.tokens * heads() * shape.head_dim, 2.0f, 1)),
        k_(random(shape.tokens * shape.kv_heads * shape.head_dim, 2.0f, 2)),
        v_(random(shape.tokens * shape.kv_heads * shape.head_dim, 1.0f, 3)) {
    const std::int64_t blocks = (shape.tokens + kBlockTokens - 1) / kBlockTokens;
    for (std::int64_t i = 0; i < blocks; ++i) table_.push_back(static_cast<std::int32_t>(blocks - i));
    const std::int64_t runs = blocks / kRunBlocks + 1;
    kv_.assign(index(runs * shape.kv_heads * kRunBlocks * 2 * half_block_bytes()), std::byte{0xff});
  }

  std::int64_t heads() const { return shape_.kv_heads * shape_.group; }
  std::int64_t width() const { return heads() * shape_.head_dim; }

  KvLayer layer() {
    const std::int64_t half = half_block_bytes(), head = kRunBlocks * 2 * half;
    return {.dtype = shape_.dtype,
            .kv_heads = shape_.kv_heads,
            .head_dim = shape_.head_dim,
            .block_bytes = 2 * half,
            .head_bytes = head,
            .run_bytes = shape_.kv_heads * head,
            .keys = kv_.data(),
            .values = kv_.data() + half};
  }

  using Attend = decltype(Ops::attend);

  // Stores and attends `step` rows at a time, as prefill and decode do.
  std::vector<float> run(const AttentionOps& ops, Attend attend, std::int64_t step) {
    std::fill(kv_.begin(), kv_.end(), std::byte{0xff});
    const std::size_t scratch =
        static_cast<std::size_t>(attention_scratch_bytes(shape_.head_dim, shape_.group));
    AlignedBuffer memory(scratch);
    std::memset(memory.data(), 0xff, scratch);
    std::vector<float> out(q_.size());
    for (std::int64_t begin = 0; begin < shape_.tokens; begin += step) {
      const std::int64_t rows = std::min(step, shape_.tokens - begin);
      for (std::int64_t t = begin; t < begin + rows; ++t) store(ops, t);
      const AttentionRows work = rows_at(begin, rows, out);
      for (std::int64_t head = 0; head < shape_.kv_heads; ++head) attend(layer(), work, head, memory.data());
    }
    return out;
  }

  // The last `rows` rows after run(): their past a part at a time, the last part first.
  std::vector<float> run_in_parts(const AttentionOps& ops, std::int64_t rows) {
    const std::size_t scratch =
        static_cast<std::size_t>(attention_scratch_bytes(shape_.head_dim, shape_.group));
    AlignedBuffer memory(scratch);
    std::memset(memory.data(), 0xff, scratch);
    const std::int64_t parts = (shape_.tokens + kPartKeys - 1) / kPartKeys;
    const std::int64_t apart = attention_part_floats(shape_.head_dim, rows * shape_.group);
    std::vector<float> out(q_.size()), gathered(index(parts * apart), std::nanf(""));
    const AttentionRows work = rows_at(shape_.tokens - rows, rows, out);
    for (std::int64_t head = 0; head < shape_.kv_heads; ++head) {
      for (std::int64_t part = parts; part-- > 0;)
        ops.attend_part(layer(), work, head, part, gathered.data() + part * apart, memory.data());
      ops.merge_parts(layer(), work, head, gathered.data());
    }
    return {out.end() - rows * width(), out.end()};
  }

  // What an output should be, and the sum of |weight x value| that bounds follow from.
  struct Reference {
    std::vector<double> out, magnitude;
    double largest_score = 0;    // of sum |q k| scale
    double largest_lengths = 0;  // of |q| |k| scale, vectors
    double largest_value = 0;    // of |v|
  };

  // softmax(q k^T scale) v in double; k and v as the store keeps them.
  Reference reference() const {
    return reference_of([](float value) { return value; }, 1.0f, scale());
  }

  // The same over operands as tiles see them: rounded to bf16, queries carrying the scale and log2(e).
  Reference reference_in_bf16() const {
    const auto rounded = [](float value) { return f32_from_bf16(bf16_from_f32(value)); };
    return reference_of(rounded, scale() * 1.44269504f, std::log(2.0));
  }

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(shape_.head_dim)); }

 private:
  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

  // Keys of one KV head and block, or its values.
  std::int64_t half_block_bytes() const {
    return shape_.head_dim * kBlockTokens / traits(shape_.dtype).block_values *
           traits(shape_.dtype).block_bytes;
  }

  static std::vector<float> random(std::int64_t n, float spread, unsigned seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal(0.0f, spread);
    std::vector<float> out(index(n));
    for (float& value : out) value = normal(engine);
    return out;
  }

  AttentionRows rows_at(std::int64_t begin, std::int64_t rows, std::vector<float>& out) const {
    return {.q = q_.data() + begin * width(),
            .out = out.data() + begin * width(),
            .q_stride = width(),
            .out_stride = width(),
            .rows = rows,
            .position = begin,
            .heads = heads(),
            .scale = scale(),
            .blocks = table_.data()};
  }

  void store(const AttentionOps& ops, std::int64_t t) {
    for (std::int64_t head = 0; head < shape_.kv_heads; ++head) {
      const std::int64_t at = (t * shape_.kv_heads + head) * shape_.head_dim;
      ops.store_kv(layer(), {table_[index(t / kBlockTokens)], t % kBlockTokens, head}, &k_[index(at)],
                   &v_[index(at)]);
    }
  }

  // What the store makes of keys or values.
  void keep(std::vector<float>& values) const {
    if (shape_.dtype == DType::kQ8_0) return keep_as_int8(values);
    for (float& value : values)
      if (shape_.dtype == DType::kF16) value = f32_from_f16(f16_from_f32(value));
  }

  static void keep_as_int8(std::vector<float>& values) {
    for (std::size_t first = 0; first < values.size(); first += kKvScaleDims) {
      float largest = 0;
      for (std::size_t i = 0; i < kKvScaleDims; ++i) largest = std::max(largest, std::abs(values[first + i]));
      const float scale = f32_from_f16(f16_from_f32(largest / 127.0f)), inverse = 1.0f / scale;
      for (std::size_t i = 0; i < kKvScaleDims; ++i) {
        float& value = values[first + i];
        value = std::clamp(std::nearbyint(value * inverse), -127.0f, 127.0f) * scale;
      }
    }
  }

  template <class Round>
  Reference reference_of(Round round, float query_scale, double score_scale) const {
    RandomSequence seen = *this;
    for (float& q : seen.q_) q = round(q * query_scale);
    keep(seen.k_);
    keep(seen.v_);
    for (float& k : seen.k_) k = round(k);
    for (float& v : seen.v_) v = round(v);
    Reference out = {std::vector<double>(q_.size()), std::vector<double>(q_.size())};
    for (std::int64_t t = 0; t < shape_.tokens; ++t)
      for (std::int64_t h = 0; h < heads(); ++h) seen.attend_one(t, h, score_scale, out);
    return out;
  }

  void attend_one(std::int64_t t, std::int64_t h, double score_scale, Reference& into) const {
    const std::int64_t dim = shape_.head_dim, kv = h / shape_.group, at = t * width() + h * dim;
    std::vector<double> weights;
    double highest = -1e300, total = 0;
    for (std::int64_t s = 0; s <= t; ++s) {
      double score = 0, magnitude = 0, of_q = 0, of_k = 0;
      for (std::int64_t d = 0; d < dim; ++d) {
        const double q = q_[index(at + d)], k = k_[index((s * shape_.kv_heads + kv) * dim + d)];
        const double product = q * k * score_scale;
        score += product;
        magnitude += std::abs(product);
        of_q += q * q;
        of_k += k * k;
      }
      into.largest_lengths = std::max(into.largest_lengths, std::sqrt(of_q * of_k) * score_scale);
      weights.push_back(score);
      highest = std::max(highest, score);
      into.largest_score = std::max(into.largest_score, magnitude);
    }
    for (double& weight : weights) total += weight = std::exp(weight - highest);
    for (std::int64_t d = 0; d < dim; ++d) {
      for (std::int64_t s = 0; s <= t; ++s) {
        const double value = v_[index((s * shape_.kv_heads + kv) * dim + d)];
        const double part = weights[index(s)] * value / total;
        into.largest_value = std::max(into.largest_value, std::abs(value));
        into.out[index(at + d)] += part;
        into.magnitude[index(at + d)] += std::abs(part);
      }
    }
  }

  SequenceShape shape_;
  std::vector<float> q_, k_, v_;
  std::vector<std::int32_t> table_;
  std::vector<std::byte> kv_;
};

inline std::string describe(const SequenceShape& s) {
  return fmt::format("head_dim {} kv_heads {} group {} tokens {} {}", s.head_dim, s.kv_heads, s.group,
                     s.tokens, traits(s.dtype).name);
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace atelier::kernels
