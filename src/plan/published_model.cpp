#include "plan/published_model.h"

#include <algorithm>
#include <cctype>

namespace atelier::plan {
namespace {

using model::LayerTensor;

struct Size {
  std::string_view name;
  std::int64_t hidden, layers, heads, kv_heads, ffn, vocab_rows;
  bool tied;
};

// Qwen2.5's config.json files, also of the Coder and Math families.
constexpr Size kSizes[] = {
    {"0.5b", 896, 24, 14, 2, 4864, 151'936, true},    {"1.5b", 1536, 28, 12, 2, 8960, 151'936, true},
    {"3b", 2048, 36, 16, 2, 11'008, 151'936, true},   {"7b", 3584, 28, 28, 4, 18'944, 152'064, false},
    {"14b", 5120, 48, 40, 8, 13'824, 152'064, false}, {"32b", 5120, 64, 40, 8, 27'648, 152'064, false},
    {"72b", 8192, 80, 64, 8, 29'568, 152'064, false},
};
constexpr std::int64_t kContext = 32'768;
constexpr std::string_view kFormats[] = {"q4_k_m", "q4_0", "q8_0", "bf16", "f16", "awq", "int4"};

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

model::ModelConfig config_of(const Size& size) {
  model::ModelConfig config;
  config.architecture = "qwen2";
  config.name = fmt::format("Qwen2.5 {}", size.name);
  config.hidden = size.hidden;
  config.layers = size.layers;
  config.heads = size.heads;
  config.kv_heads = size.kv_heads;
  config.head_dim = size.hidden / size.heads;
  config.ffn = size.ffn;
  config.vocab_rows = size.vocab_rows;
  config.max_context = kContext;
  config.tied = size.tied;
  config.rope.theta = 1e6;
  return config;
}

// llama.cpp gives the layers that matter most more bits in its "_M" mixtures.
bool has_more_bits(std::int64_t layer, std::int64_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

// A K-quant's block has 256 values; rows that are no multiple take the next format of blocks of 32.
DType fitting(DType wanted, std::int64_t columns) {
  if (columns % 256 == 0) return wanted;
  return wanted == DType::kQ6_K ? DType::kQ8_0 : DType::kQ5_0;
}

}  // namespace

std::unique_ptr<PublishedModel> PublishedModel::named(const std::string& name) {
  const std::string text = lowered(name);
  const std::size_t family = text.find("qwen2.5");
  if (family == std::string::npos) return nullptr;
  const std::string_view rest = std::string_view(text).substr(family);
  const auto size = std::ranges::find_if(
      kSizes, [&](const Size& one) { return rest.contains(fmt::format("-{}", one.name)); });
  if (size == std::end(kSizes)) return nullptr;
  const auto format =
      std::ranges::find_if(kFormats, [&](std::string_view one) { return rest.contains(one); });
  std::string said(format == std::end(kFormats) ? "bf16" : *format);
  std::ranges::transform(said, said.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return std::unique_ptr<PublishedModel>(new PublishedModel(config_of(*size), std::move(said)));
}

PublishedModel::PublishedModel(model::ModelConfig config, std::string format)
    : config_(std::move(config)),
      format_(std::move(format)),
      zeros_(static_cast<std::size_t>(std::max(config_.ffn, config_.hidden)) * sizeof(float)) {
  const bool k_quant = format_ == "Q4_K_M";
  // Qwen's own GGUF files hold a head beside the embedding, also where the two are the same
  if (k_quant || format_ == "Q4_0" || format_ == "Q8_0") config_.tied = false;
  const bool float_ends = format_ == "AWQ" || format_ == "INT4";  // only the layers are quantised
  const DType plain = format_of(LayerTensor::kGate, 0, config_.hidden);
  const DType last = k_quant ? fitting(DType::kQ6_K, config_.hidden) : float_ends ? DType::kF16 : plain;
  const DType first = config_.tied || float_ends ? last : plain;
  add("token_embd.weight", first, {config_.vocab_rows, config_.hidden});
  if (!config_.tied) add("output.weight", last, {config_.vocab_rows, config_.hidden});
  add("output_norm.weight", DType::kF32, {config_.hidden});
  const model::TensorNames names = model::TensorNames::of(*this);
  for (std::int64_t i = 0; i < config_.layers; ++i) add_layer(i, names);
}

DType PublishedModel::format_of(LayerTensor tensor, std::int64_t layer, std::int64_t columns) const {
  if (format_ == "BF16") return DType::kBF16;
  if (format_ == "F16") return DType::kF16;
  if (format_ == "Q8_0") return DType::kQ8_0;
  if (format_ != "Q4_K_M") return DType::kQ4_0;
  const bool matters = tensor == LayerTensor::kValue || tensor == LayerTensor::kDown;
  return fitting(matters && has_more_bits(layer, config_.layers) ? DType::kQ6_K : DType::kQ4_K, columns);
}

void PublishedModel::add_layer(std::int64_t index, const model::TensorNames& names) {
  const std::int64_t hidden = config_.hidden, q = config_.heads * config_.head_dim,
                     kv = config_.kv_heads * config_.head_dim;
  const auto matrix = [&](LayerTensor tensor, std::int64_t rows, std::int64_t columns) {
    add(names.layer(index, tensor), format_of(tensor, index, columns), {rows, columns});
  };
  const auto vector = [&](LayerTensor tensor, const char* suffix, std::int64_t size) {
    add(names.layer(index, tensor, suffix), DType::kF32, {size});
  };
  vector(LayerTensor::kAttentionNorm, "weight", hidden);
  vector(LayerTensor::kFfnNorm, "weight", hidden);
  vector(LayerTensor::kQuery, "bias", q);
  vector(LayerTensor::kKey, "bias", kv);
  vector(LayerTensor::kValue, "bias", kv);
  matrix(LayerTensor::kQuery, q, hidden);
  matrix(LayerTensor::kKey, kv, hidden);
  matrix(LayerTensor::kValue, kv, hidden);
  matrix(LayerTensor::kOutput, hidden, q);
  matrix(LayerTensor::kGate, config_.ffn, hidden);
  matrix(LayerTensor::kUp, config_.ffn, hidden);
  matrix(LayerTensor::kDown, hidden, config_.ffn);
}

void PublishedModel::add(std::string name, DType dtype, std::vector<std::int64_t> shape) {
  const bool small = shape.size() == 1;
  const std::span<const std::byte> bytes =
      small ? std::span<const std::byte>(zeros_).first(static_cast<std::size_t>(shape[0]) * sizeof(float))
            : std::span<const std::byte>();
  entries_.push_back({std::move(name), dtype, std::move(shape), bytes});
}

const formats::TensorEntry* PublishedModel::find(std::string_view name) const {
  const auto found = std::ranges::find(entries_, name, &formats::TensorEntry::name);
  return found == entries_.end() ? nullptr : &*found;
}

std::int64_t PublishedModel::file_bytes() const {
  std::int64_t bytes = 0;
  for (const formats::TensorEntry& entry : entries_) {
    bytes += entry.values() / traits(entry.dtype).block_values * traits(entry.dtype).block_bytes;
  }
  return bytes;
}

}  // namespace atelier::plan
