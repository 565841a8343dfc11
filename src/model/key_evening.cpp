#include "model/key_evening.h"

#include <algorithm>
#include <cmath>

#include "kernels/packed_matrix.h"

namespace atelier::model {
namespace {

// What inputs add to a bias: so many standard deviations.
constexpr double kSpread = 3;

// The variance of each key channel, bias aside, where the normed input's channels are independent of each
// other and of variance 1.
std::vector<double> variances(const ModelConfig& config, const LayerWeights& layer) {
  std::vector<float> row(static_cast<std::size_t>(layer.k.k));
  std::vector<double> out;
  for (std::int64_t n = 0; n < config.kv_heads * config.head_dim; ++n) {
    kernels::unpack_row(layer.k, n, row.data());
    double sum = 0;
    for (std::size_t i = 0; i < layer.attention_norm.size(); ++i) {
      const double weight = double{row[i]} * layer.attention_norm[i];
      sum += weight * weight;
    }
    out.push_back(sum);
  }
  return out;
}

// 2^n nearest to `size` in ratio, within 2^+-20.
float nearest_power(double size) {
  if (!(size > 0)) return 1.0f;
  return std::ldexp(1.0f, static_cast<int>(std::lround(std::clamp(std::log2(size), -20.0, 20.0))));
}

}  // namespace

KeyEvening::KeyEvening(const ModelConfig& config, const LayerWeights& layer) : head_dim_(config.head_dim) {
  if (layer.k_bias.empty()) return;
  const std::vector<double> variance = variances(config, layer);
  of_keys_.resize(variance.size());
  of_queries_.resize(variance.size());
  const auto half = static_cast<std::size_t>(head_dim_ / 2);
  for (std::size_t i = 0; i < variance.size(); ++i) {
    if (i % (2 * half) >= half) continue;
    const std::size_t pair = i + half;  // rope turns the two together
    const double bias = std::hypot(layer.k_bias[i], layer.k_bias[pair]);
    const float size = nearest_power(bias + kSpread * std::sqrt((variance[i] + variance[pair]) / 2));
    of_queries_[i] = of_queries_[pair] = size;
    of_keys_[i] = of_keys_[pair] = 1 / size;
  }
}

void KeyEvening::apply(std::int64_t kv_head, float* key, float* queries, std::int64_t group) const {
  if (of_keys_.empty()) return;
  const float *of_key = of_keys_.data() + kv_head * head_dim_,
              *of_query = of_queries_.data() + kv_head * head_dim_;
  for (std::int64_t d = 0; d < head_dim_; ++d) key[d] *= of_key[d];
  for (std::int64_t head = 0; head < group; ++head, queries += head_dim_)
    for (std::int64_t d = 0; d < head_dim_; ++d) queries[d] *= of_query[d];
}

}  // namespace atelier::model
