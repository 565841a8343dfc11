#include "model/weights.h"

#include <gmock/gmock.h>

#include "base/test_data.h"
#include "formats/dequantise.h"
#include "formats/scratch_folder.h"
#include "model/model_for_tests.h"

namespace atelier::model {
namespace {

using formats::TensorEntry;
using testing::HasSubstr;

// The committed model's tensors, some of them changed or taken away.
class AlteredSource : public formats::TensorSource {
 public:
  AlteredSource() : file_(value_or_fail(formats::GgufFile::open(*test_data("model/qwen2-Q5_0.gguf")))) {
    entries_.assign(file_->tensors().begin(), file_->tensors().end());
  }
  std::span<const TensorEntry> tensors() const override { return entries_; }
  const TensorEntry* find(std::string_view name) const override {
    const auto found = std::ranges::find(entries_, name, &TensorEntry::name);
    return found == entries_.end() ? nullptr : &*found;
  }
  void release(const TensorEntry& entry) const override { released_ += entry.bytes.size(); }
  std::int64_t file_bytes() const override { return file_->file_bytes(); }
  std::string stamp() const override { return file_->stamp() + stamp_more; }

  std::string stamp_more;

  ModelConfig config() const { return value_or_fail(config_from_gguf(*file_)); }
  TensorEntry& entry(std::string_view name) { return *std::ranges::find(entries_, name, &TensorEntry::name); }
  std::size_t released() const { return released_; }

 private:
  std::unique_ptr<formats::GgufFile> file_;
  std::vector<TensorEntry> entries_;
  mutable std::size_t released_ = 0;
};

std::string error_of(const AlteredSource& source, const ModelConfig& config) {
  ThreadPool pool(1);
  const auto weights = load_weights(source, config, pool);
  return weights ? "no error" : weights.error().message;
}

TEST(Weights, HoldTheFilesValues) {
  ThreadPool pool(2);
  const AlteredSource source;
  const ModelConfig config = source.config();
  std::vector<std::int64_t> progress;
  const auto weights = load_weights(source, config, pool, [&](std::int64_t done, std::int64_t total) {
    EXPECT_LE(done, total);
    progress.push_back(done);
  });
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_TRUE(std::ranges::is_sorted(progress));
  EXPECT_GT(source.released(), 0u);
  EXPECT_GT(weights->bytes, 0);

  const TensorEntry& down = *source.find("blk.2.ffn_down.weight");
  std::vector<float> all(static_cast<std::size_t>(down.values())), row(160);
  formats::dequantise(down.dtype, down.bytes, all);
  for (std::int64_t i = 0; i < config.hidden; ++i) {
    kernels::unpack_row(weights->layers[2].down, i, row.data());
    EXPECT_TRUE(std::equal(row.begin(), row.end(), all.begin() + i * 160)) << "row " << i;
  }
}

std::string bytes_of(const kernels::PackedMatrix& matrix) {
  return {reinterpret_cast<const char*>(matrix.data.data()), matrix.data.size()};
}

std::string all_bytes_of(const Weights& weights) {
  std::string all = bytes_of(weights.embedding) + bytes_of(weights.head);
  for (const LayerWeights& layer : weights.layers)
    for (const auto* matrix : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down})
      all += bytes_of(*matrix);
  return all;
}

TEST(Weights, KeptPackedTheyAreMappedAndTheSame) {
  ThreadPool pool(2);
  AlteredSource source;
  const ModelConfig config = source.config();
  const formats::ScratchFolder folder;
  const std::filesystem::path kept = folder.path() / "kept";
  const std::string packed = all_bytes_of(value_or_fail(load_weights(source, config, pool)));
  EXPECT_EQ(all_bytes_of(value_or_fail(load_weights(source, config, pool, {}, kept))), packed);
  ASSERT_TRUE(std::filesystem::exists(kept));

  const auto written = std::filesystem::last_write_time(kept);
  EXPECT_EQ(all_bytes_of(value_or_fail(load_weights(source, config, pool, {}, kept))), packed);
  EXPECT_EQ(std::filesystem::last_write_time(kept), written) << "packed again";

  const std::string before = read_file(kept);
  source.stamp_more = "another file";
  EXPECT_EQ(all_bytes_of(value_or_fail(load_weights(source, config, pool, {}, kept))), packed);
  EXPECT_NE(read_file(kept), before) << "took what another file left";
}

TEST(Weights, KeptByABuildThatPacksOtherwiseTheyArePackedAgain) {
  ThreadPool pool(1);
  const AlteredSource source;
  const ModelConfig config = source.config();
  const formats::ScratchFolder folder;
  const std::filesystem::path kept = folder.path() / "kept";
  const std::string packed = all_bytes_of(value_or_fail(load_weights(source, config, pool, {}, kept)));
  const std::string whole = read_file(kept);
  std::string other = whole;
  other[0] = static_cast<char>(other[0] + 1);
  folder.write("kept", other);
  EXPECT_EQ(all_bytes_of(value_or_fail(load_weights(source, config, pool, {}, kept))), packed);
  EXPECT_EQ(read_file(kept), whole);
}

// A llama GGUF interleaves the halves of Q and K heads: row 2i + half of the file is our row half * dim/2 +
// i.
TEST(Weights, LlamaHeadsAreUninterleaved) {
  ThreadPool pool(1);
  const AlteredSource source;
  ModelConfig config = source.config();
  const auto plain = load_weights(source, config, pool);
  config.architecture = "llama";
  const auto turned = load_weights(source, config, pool);
  ASSERT_TRUE(plain && turned);
  std::vector<float> a(64), b(64);
  const auto expect_turned = [&](const kernels::PackedMatrix& from, const kernels::PackedMatrix& to,
                                 const std::vector<float>& from_bias, const std::vector<float>& to_bias) {
    for (std::int64_t row = 0; row < from.n; ++row) {
      const std::int64_t head = row / 16, half = row % 16 / 8, i = row % 8,
                         source_row = head * 16 + 2 * i + half;
      kernels::unpack_row(to, row, a.data());
      kernels::unpack_row(from, source_row, b.data());
      EXPECT_EQ(a, b) << "row " << row;
      EXPECT_EQ(to_bias[static_cast<std::size_t>(row)], from_bias[static_cast<std::size_t>(source_row)]);
    }
  };
  const LayerWeights &was = plain->layers[1], &is = turned->layers[1];
  expect_turned(was.q, is.q, was.q_bias, is.q_bias);
  expect_turned(was.k, is.k, was.k_bias, is.k_bias);
  kernels::unpack_row(was.v, 3, a.data());
  kernels::unpack_row(is.v, 3, b.data());
  EXPECT_EQ(a, b);
}

TEST(Weights, SayWhatIsMissing) {
  AlteredSource source;
  const ModelConfig config = source.config();
  source.entry("blk.3.ffn_up.weight").name = "gone";
  EXPECT_THAT(error_of(source, config), HasSubstr("no tensor 'blk.3.ffn_up.weight'"));
}

TEST(Weights, SayWhichShapeContradictsTheConfiguration) {
  const AlteredSource source;
  ModelConfig config = source.config();
  config.ffn = 192;
  EXPECT_THAT(error_of(source, config),
              HasSubstr("'blk.0.ffn_gate.weight' is [160, 64]; the configuration asks for "
                        "[192, 64]"));
  config = source.config();
  config.layers = 5;
  EXPECT_THAT(error_of(source, config), HasSubstr("'blk.4."));
}

TEST(Weights, RefuseTensorsNothingHereReads) {
  AlteredSource biased;
  biased.entry("output_norm.weight").name = "blk.0.ffn_down.bias";
  EXPECT_NE(error_of(biased, biased.config()), "no error");
  AlteredSource source;
  source.entry("blk.0.attn_v.bias").name = "blk.0.attn_output.bias";
  EXPECT_THAT(error_of(source, source.config()), HasSubstr("'blk.0.attn_output.bias'"));
  AlteredSource gptq;
  gptq.entry("blk.0.attn_v.bias").name = "blk.0.attn_q.qweight";
  EXPECT_THAT(error_of(gptq, gptq.config()), HasSubstr("GPTQ"));
}

TEST(Weights, RefuseRopeFactorsThatDivideByNothing) {
  AlteredSource source;
  const std::vector<float> factors = {1, 1, 1, 0, 1, 1, 1, 1};
  TensorEntry& entry = source.entry("blk.0.attn_v.bias");
  entry = {"rope_freqs.weight", DType::kF32, {8}, std::as_bytes(std::span(factors))};
  EXPECT_THAT(error_of(source, source.config()), HasSubstr("rope_freqs.weight"));
}

}  // namespace
}  // namespace atelier::model
