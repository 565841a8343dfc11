// What attention_prompt.h asks of its products, by bf16 tiles: Q, K and V rounded to bf16, P cut. The weights
// are summed as they were cut, so that the cut does not bias O:
//
//   weight sums += 1 [1][32 keys] P [32 keys][16 queries]
//
// Sums leave the tiles once a step.
#pragma once

#include "kernels/cpu/attention_prompt.h"
#include "kernels/cpu/tiles.h"

namespace atelier::kernels {
namespace {

// Tiles 0..3: sums; 4: left operand; 5: a row of ones; 6: right operand; 7: sums of weights.
void configure_attention(Tiles& tiles) {
  const TileShape whole, row = {1, 64};
  const TileShape shape[8] = {whole, whole, whole, whole, whole, row, whole, row};
  tiles.configure(shape);
}

// --- a step's keys and values as tiles, once for all queries ---

// out[j][i] = row(i)[j] rounded to bf16, for 32 rows of 16.
template <class Row>
void transposed_tile(Row row, std::byte* out) {
  Lanes::V pairs[16];
  for (std::int64_t i = 0; i < 16; ++i) pairs[i] = round_pairs(row(2 * i), row(2 * i + 1));
  transpose(pairs);
  for (int j = 0; j < 16; ++j) Lanes::store(reinterpret_cast<float*>(out) + 16 * j, pairs[j]);
}

// Up to 32 rows of f16, of up to 16 columns; zeros beyond.
struct HalfRows {
  const std::uint16_t* from;
  std::int64_t stride, rows, columns;

  Lanes::V operator()(std::int64_t i) const {
    if (i >= rows) return Lanes::set(0.0f);
    if (columns >= 16) return Lanes::load_f16(from + i * stride);
    std::uint16_t part[16] = {};
    for (std::int64_t j = 0; j < columns; ++j) part[j] = from[i * stride + j];
    return Lanes::load_f16(part);
  }
};

// The same as a tile; most are whole.
void transposed_halves(const HalfRows& rows, std::byte* out) {
  if (rows.rows < 32 || rows.columns < 16) return transposed_tile(rows, out);
  const std::uint16_t* from = rows.from;
  const std::int64_t stride = rows.stride;
  transposed_tile([=](std::int64_t i) { return Lanes::load_f16(from + i * stride); }, out);
}

// `written`: how many of the block's tokens hold anything.
void load_tiles(const Prompt& p, const Block<std::uint16_t>& block, std::int64_t chunk,
                std::int64_t written) {
  for (std::int64_t half = 0; half < 2; ++half)
    for (std::int64_t dim = 0; dim < p.head_dim; dim += 32)
      transposed_halves({block.keys + dim * kBlock + half * 16, kBlock, p.head_dim - dim, 16},
                        p.keys(2 * chunk + half) + dim / 32 * kTileBytes);
  for (std::int64_t dim = 0; dim < p.head_dim; dim += 16)
    transposed_halves({block.values + dim, p.head_dim, written, p.head_dim - dim},
                      p.values(dim / 16) + chunk * kTileBytes);
}

// The same of int8. An element times its scale has 18 bits: it is rounded once, to bf16.
void load_tiles(const Prompt& p, const Block<std::int8_t>& block, std::int64_t chunk, std::int64_t written) {
  const std::uint16_t *key_scales = scales_behind(block.keys, p.head_dim),
                      *value_scales = scales_behind(block.values, p.head_dim);
  for (std::int64_t half = 0; half < 2; ++half)
    for (std::int64_t dim = 0; dim < p.head_dim; dim += kScaleDims) {
      const Lanes::V scale = Lanes::load_f16(key_scales + dim / kScaleDims * kBlock + half * 16);
      const std::int8_t* keys = block.keys + dim * kBlock + half * 16;
      transposed_tile([&](std::int64_t i) { return Lanes::mul(Lanes::load_i8(keys + i * kBlock), scale); },
                      p.keys(2 * chunk + half) + dim / 32 * kTileBytes);
    }
  for (std::int64_t dim = 0; dim < p.head_dim; dim += 16) {
    alignas(64) float scale[kBlock];
    widen(value_scales + dim / kScaleDims * kBlock, scale, kBlock);
    const std::int8_t* values = block.values + dim;
    transposed_tile(
        [&](std::int64_t i) {
          if (i >= written) return Lanes::set(0.0f);
          return Lanes::mul(Lanes::load_i8(values + i * p.head_dim), Lanes::set(scale[i]));
        },
        p.values(dim / 16) + chunk * kTileBytes);
  }
}

// --- products ---

// Tiles 0 .. kCount - 1 += left[i] x right over `depth` tiles; left[i] are `apart` bytes apart.
template <int kCount>
void multiply(Tiles& tiles, const std::byte* left, std::int64_t apart, const std::byte* right,
              std::int64_t depth) {
  for (std::int64_t k = 0; k < depth; ++k, left += kTileBytes, right += kTileBytes) {
    tiles.load<6>(right, 64);
    tiles.load<4>(left, 64);
    tiles.dot_bf16<0, 4, 6>();
    if constexpr (kCount > 1) {
      tiles.load<4>(left + apart, 64);
      tiles.dot_bf16<1, 4, 6>();
    }
    if constexpr (kCount > 2) {
      tiles.load<4>(left + 2 * apart, 64);
      tiles.dot_bf16<2, 4, 6>();
    }
    if constexpr (kCount > 3) {
      tiles.load<4>(left + 3 * apart, 64);
      tiles.dot_bf16<3, 4, 6>();
    }
  }
}

template <int kCount>
void zero_sums(Tiles& tiles) {
  tiles.zero<0>();
  if constexpr (kCount > 1) tiles.zero<1>();
  if constexpr (kCount > 2) tiles.zero<2>();
  if constexpr (kCount > 3) tiles.zero<3>();
}

template <int kCount>
void load_sums(Tiles& tiles, const float* from) {
  tiles.load<0>(from, 64);
  if constexpr (kCount > 1) tiles.load<1>(from + 256, 64);
  if constexpr (kCount > 2) tiles.load<2>(from + 512, 64);
  if constexpr (kCount > 3) tiles.load<3>(from + 768, 64);
}

template <int kCount>
void store_sums(Tiles& tiles, float* to) {
  tiles.store<0>(to, 64);
  if constexpr (kCount > 1) tiles.store<1>(to + 256, 64);
  if constexpr (kCount > 2) tiles.store<2>(to + 512, 64);
  if constexpr (kCount > 3) tiles.store<3>(to + 768, 64);
}

// Scores of the tile's queries with the first `chunks` x 32 keys of the step.
void score_tile(Tiles& tiles, const Prompt& p, std::int64_t tile, std::int64_t chunks) {
  const std::int64_t apart = p.layout.dim_chunks * kTileBytes;
  for (std::int64_t chunk = 0; chunk < chunks; chunk += 2) {
    float* to = p.scores() + chunk * 512;
    if (chunk + 2 <= chunks) {
      zero_sums<4>(tiles);
      multiply<4>(tiles, p.keys(2 * chunk), apart, p.queries_of(tile), p.layout.dim_chunks);
      store_sums<4>(tiles, to);
    } else {
      zero_sums<2>(tiles);
      multiply<2>(tiles, p.keys(2 * chunk), apart, p.queries_of(tile), p.layout.dim_chunks);
      store_sums<2>(tiles, to);
    }
  }
}

template <int kCount>
void gather_tiles(Tiles& tiles, const std::byte* values, const std::byte* weights, std::int64_t chunks,
                  float* sums, bool first_step) {
  if (first_step) {
    zero_sums<kCount>(tiles);
  } else {
    load_sums<kCount>(tiles, sums);
  }
  multiply<kCount>(tiles, values, kStepChunks * kTileBytes, weights, chunks);
  store_sums<kCount>(tiles, sums);
}

// sums += values x weights, weight sums += weights.
void gather_tile(Tiles& tiles, const Prompt& p, std::int64_t tile, std::int64_t chunks, bool first_step) {
  tiles.zero<7>();
  if (!first_step) tiles.load<7>(p.weight_sums(tile), 64);
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    tiles.load<6>(p.weights() + chunk * kTileBytes, 64);
    tiles.dot_bf16<7, 5, 6>();
  }
  tiles.store<7>(p.weight_sums(tile), 64);
  for (std::int64_t group = 0; group < p.layout.dim_groups; group += 4) {
    float* sums = p.sums(tile) + group * 256;
    switch (p.layout.dim_groups - group) {
      case 1:
        gather_tiles<1>(tiles, p.values(group), p.weights(), chunks, sums, first_step);
        break;
      case 2:
        gather_tiles<2>(tiles, p.values(group), p.weights(), chunks, sums, first_step);
        break;
      case 3:
        gather_tiles<3>(tiles, p.values(group), p.weights(), chunks, sums, first_step);
        break;
      default:
        gather_tiles<4>(tiles, p.values(group), p.weights(), chunks, sums, first_step);
    }
  }
}

// --- weights ---

// 2^x to within 9e-5, a twentieth of what the cut to bf16 may cost; 2^0 = 1 exactly. x <= 0.
Lanes::V exp2(Lanes::V x) {
  const Lanes::V f = fraction(x);
  Lanes::V p = Lanes::fma(Lanes::set(7.70672411e-2f), f, Lanes::set(2.27644980e-1f));
  p = Lanes::fma(p, f, Lanes::set(6.95116639e-1f));
  p = Lanes::fma(p, f, Lanes::set(1.0f));
  return scale_by_floor(p, x);
}

// The running softmax: from the scores of the step's first `keys` keys to their weights.
void weigh_tile(const Prompt& p, std::int64_t tile, std::int64_t keys, bool first_step) {
  const float* score = p.scores();
  const Lanes::V before = Lanes::load(p.highest(tile)), now = Lanes::max(highest_score(score, keys), before);
  if (any_above(now, before)) {  // seldom, once some steps are behind
    Lanes::store(p.highest(tile), now);
    if (!first_step) shrink_sums(p, tile, exp2(Lanes::sub(before, now)));
  }
  float* weight = reinterpret_cast<float*>(p.weights());
  for (std::int64_t key = 0; key < keys; key += 2, score += 32, weight += 16)
    Lanes::store(weight, cut_pairs(exp2(Lanes::sub(Lanes::load(score), now)),
                                   exp2(Lanes::sub(Lanes::load(score + 16), now))));
}

// --- queries ---

// Query vectors of a tile, scaled and rounded, one dim pair to a row.
void load_query_tile(const Prompt& p, const AttentionRows& rows, std::int64_t kv_head, std::int64_t tile) {
  const Lanes::V scale = Lanes::set(rows.scale * kLog2E), zero = Lanes::set(0.0f);
  for (std::int64_t dim = 0; dim < p.head_dim; dim += 32) {
    Lanes::V row[16];
    for (std::int64_t lane = 0; lane < 16; ++lane) {
      const float* q = query_vector(p, rows, kv_head, tile * 16 + lane);
      row[lane] = zero;
      if (q == nullptr) continue;
      q += dim;
      const auto part = [&](std::int64_t from) {
        const std::int64_t left = p.head_dim - dim - from;
        if (left >= 16) return Lanes::mul(Lanes::load(q + from), scale);
        return left > 0 ? Lanes::mul(Lanes::load_part(q + from, static_cast<int>(left)), scale) : zero;
      };
      row[lane] = round_row(part(0), part(16));
    }
    transpose(row);
    float* to = reinterpret_cast<float*>(p.queries_of(tile) + dim / 32 * kTileBytes);
    for (int i = 0; i < 16; ++i) Lanes::store(to + 16 * i, row[i]);
  }
  Lanes::store(p.highest(tile), Lanes::set(kNoScoreYet));
}

class TileProducts {
 public:
  TileProducts() {
    configure_attention(tiles_);
    std::uint32_t ones[16];
    for (std::uint32_t& pair : ones) pair = 0x3f803f80u;
    tiles_.load<5>(ones, 64);
  }
  ~TileProducts() { tiles_.release(); }
  TileProducts(const TileProducts&) = delete;
  TileProducts& operator=(const TileProducts&) = delete;

  template <class Element>
  void load_block(const Prompt& p, const Block<Element>& block, std::int64_t chunk, std::int64_t written) {
    load_tiles(p, block, chunk, written);
  }
  void load_queries(const Prompt& p, const AttentionRows& rows, std::int64_t kv_head, std::int64_t tile) {
    load_query_tile(p, rows, kv_head, tile);
  }
  void score(const Prompt& p, std::int64_t tile, std::int64_t chunks) { score_tile(tiles_, p, tile, chunks); }
  void gather(const Prompt& p, std::int64_t tile, std::int64_t chunks, bool first_step) {
    weigh_tile(p, tile, chunks * 32, first_step);
    gather_tile(tiles_, p, tile, chunks, first_step);
  }

 private:
  Tiles tiles_;
};

constexpr AttentionOps kAttentionByTiles = {store_kv, attend, attend_part, merge_parts,
                                            attend_prompt_by<TileProducts>};

}  // namespace
}  // namespace atelier::kernels
