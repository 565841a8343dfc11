#include "model/chunk_pass.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace atelier::model {
namespace {

using kernels::kBlockTokens;
using kernels::TokenRole;

// Up to so many rows a piece's keys and values are stored by the very threads that then attend to them, one
// KV head each: one wait less.
constexpr std::int64_t kStoreWithAttention = 4;

// Query vectors (rows x heads of one KV head) in one attention item: several tiles, so that threads rarely
// meet at the counter, and few enough to share out.
constexpr std::int64_t kItemQueries = 192;

// Items a thread should find at least: a piece whose keys are a larger share than one such item is split.
constexpr std::int64_t kItemsPerThread = 4;

// Rows of a prompt bring keys and values into another form once per item: items as large as still gives each
// thread this many.
constexpr std::int64_t kPromptItemsPerThread = 2;

// What the gate lets through of so many rows is prepared while it is in the first-level cache.
constexpr std::int64_t kGatedRows = 16;

std::int64_t padded(std::int64_t floats) {
  return (floats + 15) / 16 * 16;
}

const float* data_or_null(const std::vector<float>& values) {
  return values.empty() ? nullptr : values.data();
}

std::vector<KeyEvening> make_evenings(const ModelConfig& config, const Weights& weights, ThreadPool& pool) {
  std::vector<KeyEvening> out(weights.layers.size());
  pool.share(std::ssize(out), [&](int, std::int64_t layer) {
    const auto i = static_cast<std::size_t>(layer);
    out[i] = KeyEvening(config, weights.layers[i]);
  });
  return out;
}

}  // namespace

ChunkPass::ChunkPass(const ModelConfig& config, const Weights& weights, const kernels::Ops& ops,
                     ThreadPool& pool, const DecoderOptions& options)
    : config_(config),
      weights_(weights),
      ops_(ops),
      in_tiles_(options.compute == kernels::Compute::kAuto),
      pool_(pool),
      rope_(config.rope, config.head_dim, weights.rope_factors),
      long_rope_(config.long_rope, config.head_dim, weights.rope_factors),
      projector_(ops, options.compute, pool),
      strides_{padded(config.hidden), padded(config.head_dim / 2), padded(config.heads * config.head_dim),
               padded(config.kv_heads * config.head_dim)},
      upcoming_(weights, pool.size(), config.head_dim * kernels::kLineBytes),
      evenings_(options.kv == KvKind::kInt8 ? make_evenings(config, weights, pool)
                                            : std::vector<KeyEvening>()),
      scratch_bytes_(kernels::attention_scratch_bytes(config.head_dim, config.heads / config.kv_heads)),
      attention_scratch_(static_cast<std::size_t>(scratch_bytes_ * pool.size())) {}

void ChunkPass::run(const Chunk& chunk, KvStore& kv, Outputs outputs) {
  count_ = chunk.rows();
  pieces_ = chunk.pieces;
  projector_.set_role(chunk.role);
  reserve(count_);
  embed(chunk);
  for (std::int64_t i = 0; i < config_.layers; ++i) {
    attention(i, kv.layer(i), chunk);
    if (count_ == 0)
      return;  // nothing wanted: the last layer's keys and values are stored, no more is needed
    feed_forward(weights_.layers[static_cast<std::size_t>(i)]);
  }
  write_logits(outputs.logits, write_hidden(outputs.hidden, chunk.places));
}

void ChunkPass::reserve(std::int64_t rows) {
  const std::int64_t per_row = strides_.hidden + 2 * strides_.half + 2 * strides_.q + 2 * strides_.kv;
  if (rows > reserved_rows_) {
    memory_ = AlignedBuffer(static_cast<std::size_t>(rows * per_row) * sizeof(float));
    reserved_rows_ = rows;
  }
  float* at = memory_.as<float>();
  const auto take = [&](std::int64_t stride) { return std::exchange(at, at + rows * stride); };
  rows_ = {.hidden = take(strides_.hidden),
           .cos = take(strides_.half),
           .sin = take(strides_.half),
           .q = take(strides_.q),
           .k = take(strides_.kv),
           .v = take(strides_.kv),
           .attended = take(strides_.q)};
}

// Token rows and the turning angles of their positions.
void ChunkPass::embed(const Chunk& chunk) {
  const auto one = [&](const Piece& piece, std::int64_t row) {
    kernels::unpack_row(weights_.embedding, chunk.tokens[static_cast<std::size_t>(row)],
                        rows_.hidden + row * strides_.hidden);
    const RopeTable& rope = piece.long_rope ? long_rope_ : rope_;
    rope.at(piece.position + row - piece.first_row, rows_.cos + row * strides_.half,
            rows_.sin + row * strides_.half);
  };
  const auto range = [&](std::int64_t begin, std::int64_t end) {
    for (const Piece& piece : pieces_) {
      const std::int64_t from = std::max(begin, piece.first_row),
                         to = std::min(end, piece.first_row + piece.rows);
      for (std::int64_t row = from; row < to; ++row) one(piece, row);
    }
  };
  if (count_ <= 2) return range(0, count_);
  pool_.split(count_, [&](int, std::int64_t begin, std::int64_t end) { range(begin, end); });
}

// hidden += o(attend(q, k, v)) where q, k, v = w norm(hidden) + b, rope on q and k.
void ChunkPass::attention(std::int64_t layer_index, const kernels::KvLayer& kv, const Chunk& chunk) {
  const LayerWeights& layer = weights_.layers[static_cast<std::size_t>(layer_index)];
  const bool last_layer = layer_index + 1 == config_.layers;
  evening_ = evenings_.empty() ? nullptr : &evenings_[static_cast<std::size_t>(layer_index)];
  const float eps = static_cast<float>(config_.rms_eps);
  const std::array products = {Product{&layer.q, data_or_null(layer.q_bias)},
                               Product{&layer.k, data_or_null(layer.k_bias)},
                               Product{&layer.v, data_or_null(layer.v_bias)}};
  const std::array targets = {Target{rows_.q, strides_.q}, Target{rows_.k, strides_.kv},
                              Target{rows_.v, strides_.kv}};
  projector_.multiply(
      {rows_.hidden, strides_.hidden, count_, config_.hidden, layer.attention_norm.data(), eps}, products,
      targets);

  const bool all_wanted = static_cast<std::int64_t>(chunk.wanted.size()) == count_;
  const bool short_pieces =
      std::ranges::all_of(pieces_, [](const Piece& piece) { return piece.rows <= kStoreWithAttention; });
  const bool store_with_attention = short_pieces && (all_wanted || !last_layer) && !any_split();
  if (!store_with_attention) store_all(kv);
  if (last_layer && !all_wanted) keep_wanted(chunk);
  if (count_ == 0) return;
  attend_all(layer_index, kv, store_with_attention);

  const std::array output = {Product{&layer.o}};
  projector_.multiply_together(
      {.x = rows_.attended, .stride = strides_.q, .rows = count_, .k = config_.heads * config_.head_dim},
      output, [&](const Columns& columns) { add(columns); });
}

// hidden += down(silu(gate(x)) up(x)) where x = norm(hidden). What the gate lets through goes straight into
// the form that `down` reads.
void ChunkPass::feed_forward(const LayerWeights& layer) {
  const float eps = static_cast<float>(config_.rms_eps);
  const std::array wide = {Product{&layer.gate}, Product{&layer.up}};
  const std::array down = {Product{&layer.down}};
  projector_.reserve(gated_, count_, config_.ffn, down);
  projector_.multiply_together(
      {rows_.hidden, strides_.hidden, count_, config_.hidden, layer.ffn_norm.data(), eps}, wide,
      [&](const Columns& columns) {
        for (std::int64_t row = 0; row < count_; row += kGatedRows) {
          const std::int64_t rows = std::min(kGatedRows, count_ - row);
          float* gate = columns.y[0] + row * columns.stride;
          ops_.swiglu(gate, columns.y[1] + row * columns.stride, columns.stride, rows, columns.count);
          gated_.fill(ops_, {gate, columns.stride, row, rows, columns.first, columns.count});
        }
      });
  projector_.multiply_together(gated_, down, [&](const Columns& columns) { add(columns); });
}

void ChunkPass::add(const Columns& columns) {
  for (std::int64_t row = 0; row < count_; ++row)
    ops_.add(rows_.hidden + row * strides_.hidden + columns.first, columns.y[0] + row * columns.stride,
             columns.count);
}

// --- attention ---

// Turns one row's queries and key of one KV head, and writes the key and value to the store.
void ChunkPass::store(const kernels::KvLayer& kv, const Piece& piece, std::int64_t row,
                      std::int64_t kv_head) {
  const std::int64_t dim = config_.head_dim, group = config_.heads / config_.kv_heads;
  const float *cos = rows_.cos + row * strides_.half, *sin = rows_.sin + row * strides_.half;
  float *key = rows_.k + row * strides_.kv + kv_head * dim,
        *queries = rows_.q + row * strides_.q + kv_head * group * dim;
  ops_.rope(queries, group, dim, cos, sin);
  ops_.rope(key, 1, dim, cos, sin);
  if (evening_ != nullptr) evening_->apply(kv_head, key, queries, group);
  const std::int64_t position = piece.position + row - piece.first_row;
  ops_.store_kv(kv, {piece.blocks[position / kBlockTokens], position % kBlockTokens, kv_head}, key,
                rows_.v + row * strides_.kv + kv_head * dim);
}

void ChunkPass::store_all(const kernels::KvLayer& kv) {
  pool_.split(count_, [&](int, std::int64_t begin, std::int64_t end) {
    for (const Piece& piece : pieces_) {
      const std::int64_t from = std::max(begin, piece.first_row),
                         to = std::min(end, piece.first_row + piece.rows);
      for (std::int64_t row = from; row < to; ++row)
        for (std::int64_t head = 0; head < config_.kv_heads; ++head) store(kv, piece, row, head);
    }
  });
}

// After the last layer's keys and values are stored only rows whose results are wanted matter: they close up.
void ChunkPass::keep_wanted(const Chunk& chunk) {
  std::int64_t to = 0;
  for (const std::int64_t from : chunk.wanted) {
    std::memmove(rows_.hidden + to * strides_.hidden, rows_.hidden + from * strides_.hidden,
                 static_cast<std::size_t>(strides_.hidden) * sizeof(float));
    std::memmove(rows_.q + to * strides_.q, rows_.q + from * strides_.q,
                 static_cast<std::size_t>(strides_.q) * sizeof(float));
    ++to;
  }
  pieces_ = chunk.wanted_pieces();
  count_ = to;
}

// Keys all items together go over: what is shared out.
std::int64_t ChunkPass::attention_keys() const {
  std::int64_t keys = 0;
  for (const Piece& piece : pieces_) keys += (piece.position + piece.rows) * config_.kv_heads;
  return keys;
}

// How many parts the keys of a piece's rows are shared out in; 1 where its items leave no thread waiting.
std::int64_t ChunkPass::parts_of(const Piece& piece, std::int64_t all_keys) const {
  const std::int64_t group = config_.heads / config_.kv_heads, keys = piece.position + piece.rows;
  const bool few_rows =
      piece.role == TokenRole::kGenerated && piece.rows <= kernels::attention_part_rows(group);
  const bool long_past = keys * kItemsPerThread * pool_.size() > all_keys;
  if (pool_.size() == 1 || !few_rows || !long_past) return 1;
  return (keys + kernels::kPartKeys - 1) / kernels::kPartKeys;
}

bool ChunkPass::any_split() const {
  const std::int64_t all_keys = attention_keys();
  return std::ranges::any_of(pieces_, [&](const Piece& piece) { return parts_of(piece, all_keys) > 1; });
}

// Cuts the pieces into items, those with the longest pasts first so that the threads end together.
void ChunkPass::plan_attention(bool whole_pieces) {
  const std::int64_t group = config_.heads / config_.kv_heads, all_keys = attention_keys();
  const std::int64_t few = std::max<std::int64_t>(1, kItemQueries / group);
  const std::int64_t many = std::clamp(count_ * config_.kv_heads / (kPromptItemsPerThread * pool_.size()),
                                       few, std::max(few, kernels::prompt_item_rows(group)));
  items_.clear();
  splits_.clear();
  std::int64_t gathered = 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const std::int64_t rows = pieces_[i].rows, index = static_cast<std::int64_t>(i);
    const std::int64_t step = in_tiles_ && pieces_[i].role == TokenRole::kPrompt ? many : few;
    const std::int64_t parts = parts_of(pieces_[i], all_keys);
    if (parts > 1) {
      for (std::int64_t head = 0; head < config_.kv_heads; ++head) {
        const std::int64_t part_floats = kernels::attention_part_floats(config_.head_dim, rows * group);
        splits_.push_back({index, 0, rows, head, -1, gathered});
        for (std::int64_t part = 0; part < parts; ++part, gathered += part_floats)
          items_.push_back({index, 0, rows, head, part, gathered});
      }
      continue;
    }
    for (std::int64_t first = 0; first < rows; first += whole_pieces ? rows : step) {
      const std::int64_t count = whole_pieces ? rows : std::min(step, rows - first);
      for (std::int64_t head = 0; head < config_.kv_heads; ++head)
        items_.push_back({index, first, count, head, -1, 0});
    }
  }
  const auto work = [&](const AttentionItem& item) {
    if (item.part >= 0) return item.rows * kernels::kPartKeys;
    return item.rows * (pieces_[static_cast<std::size_t>(item.piece)].position + item.first + item.rows);
  };
  std::ranges::stable_sort(items_, std::ranges::greater{}, work);
  const std::size_t bytes = static_cast<std::size_t>(gathered) * sizeof(float);
  if (gathered_.size() < bytes) gathered_ = AlignedBuffer(bytes);
}

kernels::AttentionRows ChunkPass::attention_rows(const AttentionItem& item) const {
  const Piece& piece = pieces_[static_cast<std::size_t>(item.piece)];
  const std::int64_t row = piece.first_row + item.first;
  return {.q = rows_.q + row * strides_.q,
          .out = rows_.attended + row * strides_.q,
          .q_stride = strides_.q,
          .out_stride = strides_.q,
          .rows = item.rows,
          .position = piece.position + item.first,
          .heads = config_.heads,
          .scale = 1.0f / std::sqrt(static_cast<float>(config_.head_dim)),
          .blocks = piece.blocks};
}

void ChunkPass::attend_all(std::int64_t layer_index, const kernels::KvLayer& kv, bool store_first) {
  plan_attention(store_first);
  const std::int64_t items = std::ssize(items_);
  pool_.share(items, [&](int worker, std::int64_t index) {
    const AttentionItem& item = items_[static_cast<std::size_t>(index)];
    const Piece& piece = pieces_[static_cast<std::size_t>(item.piece)];
    if (store_first)
      for (std::int64_t row = 0; row < item.rows; ++row)
        store(kv, piece, piece.first_row + row, item.kv_head);
    std::byte* scratch = attention_scratch_.data() + worker * scratch_bytes_;
    kernels::AttentionRows rows = attention_rows(item);
    if (item.part >= 0) {
      const auto upcoming = upcoming_.slices(layer_index, index, items, kernels::kPartKeys / kBlockTokens);
      rows.upcoming = upcoming.data();
      rows.upcoming_count = std::ssize(upcoming);
      ops_.attend_part(kv, rows, item.kv_head, item.part, gathered_.as<float>() + item.gathered, scratch);
    } else {
      (in_tiles_ && piece.role == TokenRole::kPrompt ? ops_.attend_prompt : ops_.attend)(
          kv, rows, item.kv_head, scratch);
    }
  });
  pool_.share(static_cast<std::int64_t>(splits_.size()), [&](int, std::int64_t index) {
    const AttentionItem& split = splits_[static_cast<std::size_t>(index)];
    ops_.merge_parts(kv, attention_rows(split), split.kv_head, gathered_.as<float>() + split.gathered);
  });
}

// --- results ---

// The hidden states among the results; the rows whose logits are wanted close up, and their places come back.
std::vector<Place> ChunkPass::write_hidden(float* hidden, std::span<const Place> places) {
  const float eps = static_cast<float>(config_.rms_eps);
  std::vector<Place> with_logits;
  for (std::int64_t row = 0; row < count_; ++row) {
    const Place& place = places[static_cast<std::size_t>(row)];
    const float* state = rows_.hidden + row * strides_.hidden;
    if (place.hidden) {
      ops_.rms_norm(state, weights_.final_norm.data(), eps, hidden + place.row * config_.hidden,
                    config_.hidden);
      continue;
    }
    const auto to = std::ssize(with_logits);
    if (to != row)
      std::memcpy(rows_.hidden + to * strides_.hidden, state,
                  static_cast<std::size_t>(strides_.hidden) * sizeof(float));
    with_logits.push_back(place);
  }
  count_ = std::ssize(with_logits);
  return with_logits;
}

void ChunkPass::write_logits(float* logits, std::span<const Place> places) {
  if (places.empty()) return;
  const float eps = static_cast<float>(config_.rms_eps);
  const std::array head = {Product{&weights_.output()}};
  const bool prompts =
      std::ranges::any_of(places, [](const Place& place) { return place.role == TokenRole::kPrompt; });
  if (prompts && projector_.rounds_to_int8(head.front())) return write_refined_logits(logits, places);
  std::vector<std::int64_t> rows;
  for (const Place& place : places) rows.push_back(place.row);
  const std::array target = {Target{logits, config_.vocab_rows, rows.data()}};
  projector_.multiply(
      {rows_.hidden, strides_.hidden, count_, config_.hidden, weights_.final_norm.data(), eps}, head, target);
}

// The same, and what rounding to int8 loses of a prompt's rows is multiplied as rows of their own and added:
// it would go straight into the logits, and be a quarter of int8's whole error (docs/kernels.md). A prompt
// asks for one row, mostly; another one beside it costs next to nothing.
void ChunkPass::write_refined_logits(float* logits, std::span<const Place> places) {
  const std::int64_t stride = strides_.hidden;
  std::vector<std::int64_t> remainder(places.size());  // by row: the row of its remainder; 0: it has none
  std::int64_t rows = count_;
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i].role == TokenRole::kPrompt) remainder[i] = rows++;
  const std::size_t bytes = static_cast<std::size_t>(rows * stride) * sizeof(float);
  if (refined_.size() < bytes) refined_ = AlignedBuffer(bytes);
  float* refined = refined_.as<float>();
  pool_.split(count_, [&](int, std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      ops_.rms_norm(rows_.hidden + row * stride, weights_.final_norm.data(),
                    static_cast<float>(config_.rms_eps), refined + row * stride, config_.hidden);
      if (const std::int64_t to = remainder[static_cast<std::size_t>(row)]; to != 0)
        kernels::int8_remainder(refined + row * stride, config_.hidden, refined + to * stride);
    }
  });
  const std::array head = {Product{&weights_.output()}};
  projector_.multiply_together(
      {.x = refined, .stride = stride, .rows = rows, .k = config_.hidden}, head, [&](const Columns& columns) {
        for (std::int64_t row = 0; row < count_; ++row) {
          float* sums = columns.y[0] + row * columns.stride;
          if (const std::int64_t from = remainder[static_cast<std::size_t>(row)]; from != 0)
            ops_.add(sums, columns.y[0] + from * columns.stride, columns.count);
          std::memcpy(logits + places[static_cast<std::size_t>(row)].row * config_.vocab_rows + columns.first,
                      sums, static_cast<std::size_t>(columns.count) * sizeof(float));
        }
      });
}

}  // namespace atelier::model
