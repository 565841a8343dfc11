#include "app/runtime.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/log.h"
#include "base/progress_bar.h"
#include "formats/model_hub.h"
#include "kernels/backend.h"
#include "model/kv_store.h"

namespace atelier::app {
namespace {

Status load(Runtime& runtime, const ModelOptions& options) {
  ATELIER_TRY(runtime.ops, kernels::choose_table(options.isa));
  ATELIER_TRY(auto located, formats::fetch_model(options.model));
  runtime.id = located.id;
  ATELIER_TRY(runtime.bundle, bundle::open_bundle(located.path));
  if (!runtime.bundle.tokenizer) {
    return fail(Fault::kUnsupported,
                "{} holds no tokenizer; a GGUF file or a folder with tokenizer.json does",
                located.path.string());
  }
  ATELIER_TRY_STATUS(model::extend_context(runtime.bundle.config, options.max_model_len));
  runtime.pool = std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : available_cores());
  std::optional<ProgressBar> bar;
  const auto progress = [&bar](std::int64_t done, std::int64_t total) {
    if (!bar) bar.emplace("loading", total);
    bar->set(done);
  };
  ATELIER_TRY(runtime.weights,
              model::load_weights(*runtime.bundle.source, runtime.bundle.config, *runtime.pool, progress));
  if (bar) bar->clear();
  runtime.decoder = std::make_unique<model::Decoder>(runtime.bundle.config, runtime.weights, *runtime.ops,
                                                     options.compute, *runtime.pool, options.generated_as);
  runtime.max_model_len_asked = options.max_model_len;
  return {};
}

}  // namespace

Result<std::unique_ptr<Runtime>> start_runtime(const ModelOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  auto runtime = std::make_unique<Runtime>();
  ATELIER_TRY_STATUS(load(*runtime, options));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  log_info("{}: {} layers, {} MiB of weights, {} on {} threads, ready in {:.2f} s", runtime->id,
           runtime->bundle.config.layers, runtime->weights.bytes >> 20, runtime->ops->isa,
           runtime->pool->size(), took.count());
  return runtime;
}

Result<KvPlan> Runtime::plan(std::int64_t max_sequences) const {
  return plan_kv({.bytes_per_block = model::KvStore::bytes_per_block(bundle.config, decoder->kv_dtype()),
                  .declared_context = bundle.config.reach(),
                  .max_model_len = max_model_len_asked,
                  .max_sequences = max_sequences,
                  .available_bytes = available_memory()});
}

Status Runtime::start_engine(std::int64_t max_sequences) {
  ATELIER_TRY(kv, plan(max_sequences));
  if (kv.reduced) {
    log_warning("the model declares {} tokens of context; memory holds {}: --max-model-len is set to that",
                bundle.config.max_context, kv.max_model_len);
  }
  const std::int64_t bytes = kv.blocks * model::KvStore::bytes_per_block(bundle.config, decoder->kv_dtype());
  log_info("KV pool: {} blocks of {} tokens, {} MiB at most; {:.1f} requests of {} tokens at once", kv.blocks,
           kernels::kBlockTokens, bytes >> 20, kv.full_sequences, kv.max_model_len);
  engine::EngineConfig config;
  config.max_sequences = max_sequences;
  config.max_model_len = kv.max_model_len;
  config.native_len = std::min(kv.max_model_len, bundle.config.max_context);
  if (bundle.config.long_context > 0) {
    log_info(
        "the model declares {} tokens of context; requests that may go beyond are run with YaRN x {:.4g}",
        bundle.config.max_context, bundle.config.long_rope.factor);
  }
  config.kv_blocks = kv.blocks;
  config.vocabulary =
      static_cast<std::int32_t>(std::min<std::int64_t>(tokenizer().size(), bundle.config.vocab_rows));
  engine = std::make_unique<engine::Engine>(*decoder, config);
  return {};
}

}  // namespace atelier::app
