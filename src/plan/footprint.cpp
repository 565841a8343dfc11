#include "plan/footprint.h"

#include <algorithm>

namespace atelier::plan {
namespace {

constexpr std::int64_t kMostRows = 512;               // that go through the layers together
constexpr std::int64_t kProgramBytes = 24 << 20;      // code, threads, sockets
constexpr std::int64_t kBytesPerVocabularyRow = 320;  // token texts, merges and their index

std::int64_t working_bytes(const model::ModelConfig& config, Company company) {
  const std::int64_t rows = std::min(company.batch_tokens + company.sequences, kMostRows);
  const std::int64_t query = config.heads * config.head_dim, kv = config.kv_heads * config.head_dim;
  // as floats: what a row is, its query, keys, values and answer, and the two prepared forms of the widest
  const std::int64_t per_row =
      config.hidden + config.head_dim + 2 * query + 2 * kv + 2 * std::max({config.hidden, config.ffn, query});
  const std::int64_t logits = company.sequences * config.vocab_rows;
  return kProgramBytes + config.vocab_rows * kBytesPerVocabularyRow +
         static_cast<std::int64_t>(sizeof(float)) * (rows * per_row + logits);
}

}  // namespace

Result<Footprint> footprint(const formats::TensorSource& source, const model::ModelConfig& config,
                            Company company) {
  Footprint out;
  ATELIER_TRY(out.shapes, model::weight_shapes(source, config));
  out.weights_bytes = out.shapes.bytes;
  out.working_bytes = working_bytes(config, company);
  return out;
}

}  // namespace atelier::plan
