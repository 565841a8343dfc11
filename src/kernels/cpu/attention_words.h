// What attention_prompt.h asks of its products, by whole numbers of 16 bits: two products a lane and
// instruction (VPDPWSSD), twice what f32 has, and sums that are exact. Vectors carry scales of their own:
//
//   k = K ks, q = Q qs     the length |K| and |Q| is 2^15: no sum of their products leaves 32 bits
//                          (|K Q| <= |K| |Q|), and an element errs by 2^-16 of the vector's length
//   v = V vs               the largest |V| of a token is 2^15 - 1
//   p vs = P ps            a query's weights times the values' scales; ps so that the step's sum is 2^15, so
//                          that no sum of P V leaves 32 bits, either
//   O = fma(sum of P V, ps, O)        once a step
//
// So rounding costs less than that of keys and values to f16 (11 bits) has cost already.
#pragma once

#include "kernels/cpu/attention_prompt.h"

namespace atelier::kernels {
namespace {

// Elements of a block as floats: 16 keys of one dim, or 16 dims of one token's value (zeros past head_dim).
template <class Element>
class BlockRows;

template <>
class BlockRows<std::uint16_t> {
 public:
  BlockRows(const Block<std::uint16_t>& block, std::int64_t head_dim) : block_(block), head_dim_(head_dim) {}

  Lanes::V keys(std::int64_t dim, std::int64_t half) const {
    if (dim >= head_dim_) return Lanes::set(0.0f);
    return Lanes::load_f16(block_.keys + dim * kBlock + half * 16);
  }
  Lanes::V value(std::int64_t token, std::int64_t dim) const {
    const std::uint16_t* from = block_.values + token * head_dim_ + dim;
    const std::int64_t columns = head_dim_ - dim;
    if (columns >= 16) return Lanes::load_f16(from);
    std::uint16_t part[16] = {};
    for (std::int64_t j = 0; j < columns; ++j) part[j] = from[j];
    return Lanes::load_f16(part);
  }

 private:
  const Block<std::uint16_t>& block_;
  std::int64_t head_dim_;
};

template <>
class BlockRows<std::int8_t> {
 public:
  BlockRows(const Block<std::int8_t>& block, std::int64_t head_dim)
      : block_(block),
        head_dim_(head_dim),
        key_scales_(scales_behind(block.keys, head_dim)),
        value_scales_(scales_behind(block.values, head_dim)) {}

  Lanes::V keys(std::int64_t dim, std::int64_t half) const {
    return Lanes::mul(Lanes::load_i8(block_.keys + dim * kBlock + half * 16),
                      Lanes::load_f16(key_scales_ + dim / kScaleDims * kBlock + half * 16));
  }
  Lanes::V value(std::int64_t token, std::int64_t dim) const {
    const std::uint16_t scale[16] = {value_scales_[dim / kScaleDims * kBlock + token]};
    return Lanes::mul(Lanes::load_i8(block_.values + token * head_dim_ + dim),
                      Lanes::set(Lanes::first(Lanes::load_f16(scale))));
  }

 private:
  const Block<std::int8_t>& block_;
  std::int64_t head_dim_;
  const std::uint16_t *key_scales_, *value_scales_;
};

constexpr float kWordLength = 32752.0f;  // rounding adds at most half the square root of head_dim

// out[j][i] = row(i)[j] as whole numbers, for 32 rows of 16.
template <class Row>
void transposed_words(const Row& row, std::byte* out) {
  Lanes::V pairs[16];
  for (std::int64_t i = 0; i < 16; ++i) pairs[i] = word_pairs(row(2 * i), row(2 * i + 1));
  transpose(pairs);
  for (int j = 0; j < 16; ++j) Lanes::store(reinterpret_cast<float*>(out) + 16 * j, pairs[j]);
}

// What makes vectors of these squared lengths kWordLength long, and back.
struct WordScale {
  Lanes::V to_words, back;
};

WordScale scale_of(Lanes::V squares) {
  const Lanes::V length = root(Lanes::add(squares, Lanes::set(1e-30f)));  // of zeros: anything
  return {Lanes::div(Lanes::set(kWordLength), length), Lanes::mul(length, Lanes::set(1.0f / kWordLength))};
}

template <class Element>
void load_key_words(const Prompt& p, const BlockRows<Element>& block, std::int64_t chunk) {
  for (std::int64_t half = 0; half < 2; ++half) {
    Lanes::V squares = Lanes::set(0.0f);
    for (std::int64_t dim = 0; dim < p.head_dim; ++dim) {
      const Lanes::V keys = block.keys(dim, half);
      squares = Lanes::fma(keys, keys, squares);
    }
    const WordScale scale = scale_of(squares);
    Lanes::store(p.key_scales() + (2 * chunk + half) * 16, scale.back);
    for (std::int64_t dim = 0; dim < p.head_dim; dim += 32)
      transposed_words([&](std::int64_t i) { return Lanes::mul(block.keys(dim + i, half), scale.to_words); },
                       p.keys(2 * chunk + half) + dim / 32 * kTileBytes);
  }
}

template <class Element>
void load_value_words(const Prompt& p, const BlockRows<Element>& block, std::int64_t chunk,
                      std::int64_t written) {
  float to_words[kBlock];
  for (std::int64_t token = 0; token < kBlock; ++token) {
    Lanes::V largest = Lanes::set(1e-30f);
    for (std::int64_t dim = 0; token < written && dim < p.head_dim; dim += 16) {
      const Lanes::V value = block.value(token, dim);
      largest = Lanes::max(Lanes::max(value, Lanes::sub(Lanes::set(0.0f), value)), largest);
    }
    const float most = Lanes::fold_max(largest);
    to_words[token] = 32767.0f / most;
    p.value_scales()[chunk * 32 + token] = most * (1.0f / 32767.0f);
  }
  for (std::int64_t dim = 0; dim < p.head_dim; dim += 16)
    transposed_words(
        [&](std::int64_t i) {
          if (i >= written) return Lanes::set(0.0f);
          return Lanes::mul(block.value(i, dim), Lanes::set(to_words[i]));
        },
        p.values(dim / 16) + chunk * kTileBytes);
}

// Up to 32 dims of a query vector from `dim` on, as words; zeros past head_dim.
Lanes::V query_words(const float* q, std::int64_t dim, std::int64_t head_dim, Lanes::V to_words) {
  const auto part = [&](std::int64_t from) {
    const std::int64_t left = head_dim - from;
    if (left <= 0) return Lanes::set(0.0f);
    return Lanes::mul(left >= 16 ? Lanes::load(q + from) : Lanes::load_part(q + from, static_cast<int>(left)),
                      to_words);
  };
  return word_row(part(dim), part(dim + 16));
}

float squared_length(const float* q, std::int64_t head_dim) {
  Lanes::V squares = Lanes::set(0.0f);
  for (std::int64_t dim = 0; dim < head_dim; dim += 16) {
    const std::int64_t left = head_dim - dim;
    const Lanes::V part =
        left >= 16 ? Lanes::load(q + dim) : Lanes::load_part(q + dim, static_cast<int>(left));
    squares = Lanes::fma(part, part, squares);
  }
  return Lanes::fold_add(squares);
}

void load_query_words(const Prompt& p, const AttentionRows& rows, std::int64_t kv_head, std::int64_t tile) {
  float squares[16];
  for (std::int64_t lane = 0; lane < 16; ++lane) {
    const float* q = query_vector(p, rows, kv_head, tile * 16 + lane);
    squares[lane] = q != nullptr ? squared_length(q, p.head_dim) : 0.0f;
  }
  const WordScale scale = scale_of(Lanes::load(squares));
  Lanes::store(p.query_scales(tile), Lanes::mul(scale.back, Lanes::set(rows.scale * kLog2E)));
  float to_words[16];
  Lanes::store(to_words, scale.to_words);
  for (std::int64_t dim = 0; dim < p.head_dim; dim += 32) {
    Lanes::V row[16];
    for (std::int64_t lane = 0; lane < 16; ++lane) {
      const float* q = query_vector(p, rows, kv_head, tile * 16 + lane);
      row[lane] =
          q != nullptr ? query_words(q, dim, p.head_dim, Lanes::set(to_words[lane])) : Lanes::set(0.0f);
    }
    transpose(row);
    float* to = reinterpret_cast<float*>(p.queries_of(tile) + dim / 32 * kTileBytes);
    for (int i = 0; i < 16; ++i) Lanes::store(to + 16 * i, row[i]);
  }
  Lanes::store(p.highest(tile), Lanes::set(kNoScoreYet));
}

// Calls take(r, sum) for each row r of `left` times `right`, over `depth` tiles of each; as many rows side by
// side as registers hold.
template <class Take>
[[gnu::always_inline]] inline void multiply_words(const std::byte* left, const std::byte* right,
                                                  std::int64_t depth, const Take& take) {
  constexpr int kRows = Words::kRows;
  for (int first = 0; first < 16; first += kRows, left += kRows * 64) {
    Words::V sum[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) sum[r] = Words::zero();
    for (std::int64_t tile = 0; tile < depth * kTileBytes; tile += kTileBytes) {
      const std::byte* b = right + tile;
      for (const std::byte *a = left + tile, *end = a + 64; a < end; a += 4, b += 64) {
        const Words::V pairs = Words::load(b);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) sum[r] = Words::dot(sum[r], pairs, a + r * 64);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) take(first + r, sum[r]);
  }
}

// Not inlined, like gather_words: both in one function with all around them leave their loops no registers.
[[gnu::noinline]] void score_words(const Prompt& p, std::int64_t tile, std::int64_t chunks) {
  const Lanes::V query_scale = Lanes::load(p.query_scales(tile));
  for (std::int64_t group = 0; group < 2 * chunks; ++group) {
    float* to = p.scores() + group * 256;
    const float* key_scale = p.key_scales() + group * 16;
    multiply_words(p.keys(group), p.queries_of(tile), p.layout.dim_chunks, [&](int r, Words::V sum) {
      const Lanes::V scale = Lanes::mul(Lanes::set(key_scale[r]), query_scale);
      Lanes::store(to + 16 * r, Lanes::mul(Words::to_float(sum), scale));
    });
  }
}

// 2^x to within 3e-6, less than words round away; 2^0 = 1 exactly. x <= 0.
[[gnu::always_inline]] inline Lanes::V exp2(Lanes::V x) {
  const Lanes::V f = fraction(x);
  Lanes::V p = Lanes::fma(Lanes::set(1.34267015e-2f), f, Lanes::set(5.22424467e-2f));
  p = Lanes::fma(p, f, Lanes::set(2.41280213e-1f));
  p = Lanes::fma(p, f, Lanes::set(6.93044841e-1f));
  p = Lanes::fma(p, f, Lanes::set(1.0f));
  return scale_by_floor(p, x);
}

// The running softmax: from the scores of the step's first `keys` keys to words; returns ps.
Lanes::V weigh_words(const Prompt& p, std::int64_t tile, std::int64_t keys, bool first_step) {
  float* score = p.scores();
  const Lanes::V before = Lanes::load(p.highest(tile)), now = Lanes::max(highest_score(score, keys), before);
  if (first_step) Lanes::store(p.weight_sums(tile), Lanes::set(0.0f));
  if (any_above(now, before)) {  // seldom, once some steps are behind
    Lanes::store(p.highest(tile), now);
    if (!first_step) shrink_sums(p, tile, exp2(Lanes::sub(before, now)));
  }
  Lanes::V weights = Lanes::load(p.weight_sums(tile)), scaled = Lanes::set(1e-30f);
  for (std::int64_t key = 0; key < keys; ++key) {
    const Lanes::V weight = exp2(Lanes::sub(Lanes::load(score + key * 16), now));
    const Lanes::V with_scale = Lanes::mul(weight, Lanes::set(p.value_scales()[key]));
    weights = Lanes::add(weights, weight);
    scaled = Lanes::add(scaled, with_scale);
    Lanes::store(score + key * 16, with_scale);
  }
  Lanes::store(p.weight_sums(tile), weights);
  const Lanes::V to_words = Lanes::div(Lanes::set(kWordLength), scaled);
  float* word = reinterpret_cast<float*>(p.weights());
  for (std::int64_t key = 0; key < keys; key += 2, score += 32, word += 16)
    Lanes::store(word, word_pairs(Lanes::mul(Lanes::load(score), to_words),
                                  Lanes::mul(Lanes::load(score + 16), to_words)));
  return Lanes::mul(scaled, Lanes::set(1.0f / kWordLength));
}

[[gnu::noinline]] void gather_words(const Prompt& p, std::int64_t tile, std::int64_t chunks,
                                    bool first_step) {
  const Lanes::V back = weigh_words(p, tile, chunks * 32, first_step);
  for (std::int64_t group = 0; group < p.layout.dim_groups; ++group) {
    float* to = p.sums(tile) + group * 256;
    multiply_words(p.values(group), p.weights(), chunks, [&](int r, Words::V sum) {
      const Lanes::V so_far = first_step ? Lanes::set(0.0f) : Lanes::load(to + 16 * r);
      Lanes::store(to + 16 * r, Lanes::fma(Words::to_float(sum), back, so_far));
    });
  }
}

struct WordProducts {
  template <class Element>
  void load_block(const Prompt& p, const Block<Element>& block, std::int64_t chunk, std::int64_t written) {
    const BlockRows<Element> rows(block, p.head_dim);
    load_key_words(p, rows, chunk);
    load_value_words(p, rows, chunk, written);
  }
  void load_queries(const Prompt& p, const AttentionRows& rows, std::int64_t kv_head, std::int64_t tile) {
    load_query_words(p, rows, kv_head, tile);
  }
  void score(const Prompt& p, std::int64_t tile, std::int64_t chunks) { score_words(p, tile, chunks); }
  void gather(const Prompt& p, std::int64_t tile, std::int64_t chunks, bool first_step) {
    gather_words(p, tile, chunks, first_step);
  }
};

constexpr AttentionOps kAttentionByWords = {store_kv, attend, attend_part, merge_parts,
                                            attend_prompt_by<WordProducts>};

}  // namespace
}  // namespace atelier::kernels
