#include "app/runtime.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/log.h"
#include "base/progress_bar.h"
#include "formats/model_hub.h"
#include "kernels/backend.h"
#include "model/kv_store.h"
#include "plan/footprint.h"
#include "plan/machine_memory.h"

namespace atelier::app {

Result<std::unique_ptr<Runtime>> open_runtime(const ModelOptions& options) {
  auto runtime = std::make_unique<Runtime>();
  runtime->options = options;
  ATELIER_TRY(runtime->ops, kernels::choose_table(options.isa));
  ATELIER_TRY(auto located, formats::fetch_model(options.model, options.hub));
  runtime->id = located.id;
  ATELIER_TRY(runtime->bundle, bundle::open_bundle(located.path));
  if (!runtime->bundle.tokenizer) {
    return fail(Fault::kUnsupported,
                "{} holds no tokenizer; a GGUF file or a folder with tokenizer.json does",
                located.path.string());
  }
  ATELIER_TRY_STATUS(model::extend_context(runtime->bundle.config, options.max_model_len));
  runtime->free_bytes = plan::available_memory();
  return runtime;
}

Result<std::unique_ptr<Runtime>> start_runtime(const ModelOptions& options) {
  ATELIER_TRY(auto runtime, open_runtime(options));
  ATELIER_TRY_STATUS(runtime->load());
  return runtime;
}

Status Runtime::load() {
  const auto begin = std::chrono::steady_clock::now();
  pool = std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : available_cores());
  std::optional<ProgressBar> bar;
  const auto progress = [&bar](std::int64_t done, std::int64_t total) {
    if (!bar) bar.emplace("loading", total);
    bar->set(done);
  };
  ATELIER_TRY(weights, model::load_weights(*bundle.source, bundle.config, *pool, progress));
  if (bar) bar->clear();
  decoder = std::make_unique<model::Decoder>(bundle.config, weights, *ops, options.compute, *pool,
                                             options.generated_as);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  log_info("{}: {} layers, {} MiB of weights, {} on {} threads, ready in {:.2f} s", id, bundle.config.layers,
           weights.bytes >> 20, ops->isa, pool->size(), took.count());
  return {};
}

Result<plan::KvPlan> Runtime::plan(const EngineWishes& wishes) const {
  ATELIER_TRY(const plan::Footprint footprint,
              plan::footprint(*bundle.source, bundle.config,
                              {.sequences = wishes.engine.max_sequences,
                               .batch_tokens = wishes.engine.max_batch_tokens}));
  const std::int64_t left = free_bytes - footprint.bytes();
  const DType kv_dtype = model::Decoder::kv_dtype_of(options.compute);
  return plan::plan_kv({.bytes_per_block = model::KvStore::bytes_per_block(bundle.config, kv_dtype),
                        .declared_context = bundle.config.reach(),
                        .max_model_len = options.max_model_len,
                        .max_sequences = wishes.engine.max_sequences,
                        .budget = {.free_bytes = free_bytes > 0 ? std::max<std::int64_t>(left, 1) : 0,
                                   .whole_bytes = plan::whole_memory(),
                                   .other_bytes = footprint.bytes(),
                                   .share = wishes.memory_share,
                                   .kv_bytes = wishes.kv_bytes,
                                   .kv_blocks = wishes.kv_blocks}});
}

Status Runtime::start_engine(const EngineWishes& wishes) {
  ATELIER_TRY(kv, plan(wishes));
  if (kv.reduced) {
    log_warning("the model declares {} tokens of context; memory holds {}: --max-model-len is set to that",
                bundle.config.max_context, kv.max_model_len);
  }
  log_info("KV pool: {} blocks of {} tokens, {} MiB at most; {:.1f} requests of {} tokens at once", kv.blocks,
           kernels::kBlockTokens, kv.bytes >> 20, kv.full_sequences, kv.max_model_len);
  engine::EngineConfig config = wishes.engine;
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
