#include "model/weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "base/log.h"
#include "formats/dequantise.h"
#include "formats/packed_file.h"
#include "model/tensor_names.h"

namespace atelier::model {
namespace {

using formats::TensorEntry;
using formats::TensorSource;

// A matrix to be packed once all of them are known to be there and of the right shape.
struct Job {
  const TensorEntry* entry;
  kernels::PackedMatrix* to;
  const std::vector<std::int32_t>* row_order;  // empty: as they stand
};

// llama.cpp's converter interleaves the two halves of each Q/K head (row 2i + half for our half * dim/2 + i),
// because its llama rope turns neighbours; ours turns halves.
std::vector<std::int32_t> interleaved_rows(std::int64_t heads, std::int64_t head_dim) {
  std::vector<std::int32_t> order;
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t half = 0; half < 2; ++half)
      for (std::int64_t i = 0; i < head_dim / 2; ++i)
        order.push_back(static_cast<std::int32_t>(head * head_dim + 2 * i + half));
  return order;
}

class Loader {
 public:
  Loader(const TensorSource& source, const ModelConfig& config)
      : source_(source), config_(config), names_(TensorNames::of(source)) {
    if (names_.gguf() && config.architecture == "llama") {
      query_order_ = interleaved_rows(config.heads, config.head_dim);
      key_order_ = interleaved_rows(config.kv_heads, config.head_dim);
    }
  }

  // Finds and checks everything, reads the small vectors; the matrices become jobs.
  Status plan(Weights& weights) {
    weights.layers.resize(static_cast<std::size_t>(config_.layers));
    ATELIER_TRY_STATUS(matrix(names_.embedding(), config_.vocab_rows, config_.hidden, weights.embedding));
    if (!config_.tied)
      ATELIER_TRY_STATUS(matrix(names_.head(), config_.vocab_rows, config_.hidden, weights.head));
    ATELIER_TRY(weights.final_norm, vector(names_.final_norm(), config_.hidden));
    ATELIER_TRY_STATUS(plan_rope_factors(weights));
    for (std::int64_t i = 0; i < config_.layers; ++i)
      ATELIER_TRY_STATUS(plan_layer(i, weights.layers[static_cast<std::size_t>(i)]));
    return {};
  }

  // Every matrix's shape, and the sum of what they take.
  void shape(Weights& weights) {
    for (const Job& job : jobs_) {
      *job.to = kernels::packed_shape(job.entry->dtype, job.entry->shape[0], job.entry->shape[1]);
      weights.bytes += static_cast<std::int64_t>(kernels::packed_bytes(*job.to));
    }
  }

  // All matrices in one mapping, in the order a step reads them. In a mapping each, what is over whole huge
  // pages (a fifth of a 1.5B model) stood on small ones, which are read 30 % slower.
  void place_in(const AlignedBuffer& all) {
    std::size_t at = 0;
    for (const Job& job : jobs_) {
      job.to->data = all.piece(at, kernels::packed_bytes(*job.to));
      at += job.to->data.size();
    }
  }

  // Of which files, and how each matrix lies: what a file of packed weights must agree with.
  std::string identity() const {
    std::string text = "atelier's packed weights, layout 1\n" + source_.stamp() + '\n';
    for (const Job& job : jobs_)
      text += fmt::format("{} {} {}x{}{}\n", job.entry->name, traits(job.entry->dtype).name, job.to->n,
                          job.to->k, job.row_order->empty() ? "" : " interleaved");
    return text;
  }

  // Whether each matrix begins as packing it now would: a build that packs otherwise does not read what
  // another build left.
  bool begins_as_packed() const {
    return std::ranges::all_of(jobs_, [this](const Job& job) {
      kernels::PackedMatrix first = kernels::packed_shape(job.to->source, job.to->n, job.to->k);
      first.data = AlignedBuffer(static_cast<std::size_t>(first.panel_bytes));
      kernels::pack_panels(first, job.entry->bytes, *job.row_order, 0, 1);
      source_.release(*job.entry);
      return std::memcmp(first.data.data(), job.to->data.data(), first.data.size()) == 0;
    });
  }

  // Largest first: while little is packed yet, its pages in the file cost least at the peak.
  void pack(ThreadPool& pool, const std::function<void(std::int64_t, std::int64_t)>& progress) {
    std::ranges::stable_sort(jobs_, std::ranges::greater{},
                             [](const Job& job) { return job.entry->bytes.size(); });
    std::int64_t total = 0, done = 0;
    for (const Job& job : jobs_) total += static_cast<std::int64_t>(job.entry->bytes.size());
    for (const Job& job : jobs_) {
      pack_one(job, pool);
      done += static_cast<std::int64_t>(job.entry->bytes.size());
      if (progress) progress(done, total);
    }
  }

 private:
  Status plan_layer(std::int64_t index, LayerWeights& layer) {
    const std::int64_t hidden = config_.hidden, q = config_.heads * config_.head_dim,
                       kv = config_.kv_heads * config_.head_dim;
    const auto name = [&](LayerTensor tensor) { return names_.layer(index, tensor); };
    ATELIER_TRY_STATUS(refuse_unknown(index));
    ATELIER_TRY(layer.attention_norm, vector(name(LayerTensor::kAttentionNorm), hidden));
    ATELIER_TRY(layer.ffn_norm, vector(name(LayerTensor::kFfnNorm), hidden));
    ATELIER_TRY_STATUS(matrix(name(LayerTensor::kQuery), q, hidden, layer.q, query_order_));
    ATELIER_TRY_STATUS(matrix(name(LayerTensor::kKey), kv, hidden, layer.k, key_order_));
    ATELIER_TRY_STATUS(matrix(name(LayerTensor::kValue), kv, hidden, layer.v));
    ATELIER_TRY_STATUS(matrix(name(LayerTensor::kOutput), hidden, q, layer.o));
    ATELIER_TRY_STATUS(matrix(name(LayerTensor::kGate), config_.ffn, hidden, layer.gate));
    ATELIER_TRY_STATUS(matrix(name(LayerTensor::kUp), config_.ffn, hidden, layer.up));
    ATELIER_TRY_STATUS(matrix(name(LayerTensor::kDown), hidden, config_.ffn, layer.down));
    ATELIER_TRY(layer.q_bias, bias(index, LayerTensor::kQuery, q, query_order_));
    ATELIER_TRY(layer.k_bias, bias(index, LayerTensor::kKey, kv, key_order_));
    ATELIER_TRY(layer.v_bias, bias(index, LayerTensor::kValue, kv, {}));
    return {};
  }

  // Tensors that would change the arithmetic and that nothing here reads.
  Status refuse_unknown(std::int64_t index) const {
    for (const LayerTensor tensor :
         {LayerTensor::kOutput, LayerTensor::kGate, LayerTensor::kUp, LayerTensor::kDown})
      if (const std::string name = names_.layer(index, tensor, "bias"); source_.find(name) != nullptr)
        return fail(Fault::kUnsupported, "tensor '{}': only queries, keys and values may have biases", name);
    if (const std::string name = names_.layer(index, LayerTensor::kQuery, "qweight");
        source_.find(name) != nullptr)
      return fail(Fault::kUnsupported, "tensor '{}': GPTQ and AWQ layouts are not supported; GGUF ones are",
                  name);
    return {};
  }

  Result<const TensorEntry*> find(const std::string& name, const std::vector<std::int64_t>& shape) const {
    const TensorEntry* entry = source_.find(name);
    if (entry == nullptr) return fail(Fault::kCorrupt, "the model has no tensor '{}'", name);
    if (entry->shape != shape)
      return fail(Fault::kCorrupt, "tensor '{}' is [{}]; the configuration asks for [{}]", name,
                  fmt::join(entry->shape, ", "), fmt::join(shape, ", "));
    return entry;
  }

  Status matrix(const std::string& name, std::int64_t n, std::int64_t k, kernels::PackedMatrix& to,
                const std::vector<std::int32_t>& row_order = kAsTheyStand) {
    ATELIER_TRY(const TensorEntry* entry, find(name, {n, k}));
    jobs_.push_back({entry, &to, &row_order});
    return {};
  }

  Result<std::vector<float>> vector(const std::string& name, std::int64_t n) const {
    ATELIER_TRY(const TensorEntry* entry, find(name, {n}));
    std::vector<float> out(static_cast<std::size_t>(n));
    formats::dequantise(entry->dtype, entry->bytes, out);
    return out;
  }

  Result<std::vector<float>> bias(std::int64_t layer, LayerTensor tensor, std::int64_t n,
                                  const std::vector<std::int32_t>& row_order) const {
    const std::string name = names_.layer(layer, tensor, "bias");
    if (source_.find(name) == nullptr) return std::vector<float>{};
    ATELIER_TRY(const std::vector<float> stored, vector(name, n));
    std::vector<float> out = stored;
    for (std::size_t i = 0; i < row_order.size(); ++i)
      out[i] = stored[static_cast<std::size_t>(row_order[i])];
    return out;
  }

  Status plan_rope_factors(Weights& weights) const {
    if (source_.find(names_.rope_factors()) == nullptr) return {};
    ATELIER_TRY(weights.rope_factors, vector(names_.rope_factors(), config_.head_dim / 2));
    for (const float factor : weights.rope_factors)
      if (!(factor >= 1e-6f && factor <= 1e6f))
        return fail(Fault::kCorrupt, "tensor 'rope_freqs.weight' holds {}; 1e-6 to 1e6 can be", factor);
    return {};
  }

  // In strips, each let go from the file's mapping before the next is read.
  void pack_one(const Job& job, ThreadPool& pool) {
    constexpr std::int64_t kStripBytes = 16 << 20;
    kernels::PackedMatrix& matrix = *job.to;
    const std::int64_t strip = std::max<std::int64_t>(pool.size(), kStripBytes / matrix.panel_bytes);
    for (std::int64_t begin = 0; begin < matrix.panels; begin += strip) {
      const std::int64_t end = std::min(begin + strip, matrix.panels);
      pool.split(end - begin, [&](int, std::int64_t from, std::int64_t to) {
        kernels::pack_panels(matrix, job.entry->bytes, *job.row_order, begin + from, begin + to);
      });
      release_rows(*job.entry, begin * kernels::kPanelRows, end * kernels::kPanelRows);
    }
    source_.release(*job.entry);
  }

  void release_rows(const TensorEntry& entry, std::int64_t begin, std::int64_t end) const {
    const std::size_t row = entry.bytes.size() / static_cast<std::size_t>(entry.shape[0]);
    const std::size_t from = static_cast<std::size_t>(begin) * row;
    const std::size_t to = std::min(entry.bytes.size(), static_cast<std::size_t>(end) * row);
    TensorEntry strip = entry;
    strip.bytes = entry.bytes.subspan(from, to - from);
    source_.release(strip);
  }

  inline static const std::vector<std::int32_t> kAsTheyStand;

  const TensorSource& source_;
  const ModelConfig& config_;
  TensorNames names_;
  std::vector<std::int32_t> query_order_, key_order_;
  std::vector<Job> jobs_;
};

using LoadProgress = std::function<void(std::int64_t, std::int64_t)>;

formats::PackedFile::Progress of_bytes(const LoadProgress& progress, std::int64_t total) {
  return [&progress, total](std::int64_t done) {
    if (progress) progress(done, total);
  };
}

// Whether the file holds these weights; then they stand in it.
bool map_kept(const formats::PackedFile& file, Loader& loader, std::int64_t bytes,
              const LoadProgress& progress) {
  const auto all = file.map(of_bytes(progress, bytes));
  if (!all) {
    if (all.error().fault == Fault::kIo) log_warning("{}; the weights are packed again", all.error().message);
    return false;
  }
  loader.place_in(*all);
  if (loader.begins_as_packed()) return true;
  log_warning("{} was packed by another build; the weights are packed again", file.place().string());
  return false;
}

void keep(const formats::PackedFile& file, const AlignedBuffer& all, const LoadProgress& progress) {
  const auto bytes = static_cast<std::int64_t>(all.size());
  if (const Status kept = file.write({all.data(), all.size()}, of_bytes(progress, bytes)); !kept) {
    log_warning("{}; the next start packs the weights again", kept.error().message);
    return;
  }
  log_info("{} keeps {} MiB of packed weights for the next start", file.place().string(), bytes >> 20);
}

}  // namespace

Result<Weights> weight_shapes(const TensorSource& source, const ModelConfig& config) {
  ATELIER_TRY_STATUS(check_config(config));
  Weights weights;
  Loader loader(source, config);
  ATELIER_TRY_STATUS(loader.plan(weights));
  loader.shape(weights);
  return weights;
}

Result<Weights> load_weights(const TensorSource& source, const ModelConfig& config, ThreadPool& pool,
                             const std::function<void(std::int64_t, std::int64_t)>& progress,
                             const std::filesystem::path& kept) try {
  ATELIER_TRY_STATUS(check_config(config));
  Weights weights;
  Loader loader(source, config);
  ATELIER_TRY_STATUS(loader.plan(weights));
  loader.shape(weights);
  const formats::PackedFile file(kept, loader.identity(), static_cast<std::size_t>(weights.bytes));
  if (!kept.empty() && map_kept(file, loader, weights.bytes, progress)) return weights;
  const AlignedBuffer all(static_cast<std::size_t>(weights.bytes));
  loader.place_in(all);
  loader.pack(pool, progress);
  if (!kept.empty()) keep(file, all, progress);
  return weights;
} catch (const std::bad_alloc&) {
  return fail(Fault::kOverloaded, "not enough memory for the model's {} bytes of weights",
              source.file_bytes());
}

}  // namespace atelier::model
