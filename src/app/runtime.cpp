#include "app/runtime.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <optional>

#include "base/log.h"
#include "base/progress_bar.h"
#include "engine/model_drafter.h"
#include "engine/ngram_drafter.h"
#include "formats/digest.h"
#include "formats/model_hub.h"
#include "kernels/backend.h"
#include "model/kv_store.h"
#include "plan/footprint.h"
#include "plan/machine_memory.h"

namespace atelier::app {
namespace {

// One file for each place a model is read from: what is packed anew takes the place of what was there.
std::filesystem::path packed_place(const std::string& folder, const formats::LocatedModel& model) {
  std::error_code error;
  const std::string path = std::filesystem::weakly_canonical(model.path, error).string();
  std::string name = model.id;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_') c = '-';
  }
  const std::string hash = formats::sha256_hex(std::as_bytes(std::span(path)));
  return std::filesystem::path(folder) / fmt::format("{}-{}.packed", name, hash.substr(0, 16));
}

}  // namespace

Result<std::unique_ptr<Runtime>> open_runtime(const ModelOptions& options) {
  auto runtime = std::make_unique<Runtime>();
  runtime->options = options;
  ATELIER_TRY(runtime->ops, kernels::choose_table(options.isa));
  ATELIER_TRY(auto located, formats::fetch_model(options.model, options.hub));
  runtime->id = located.id;
  if (!options.packed_cache.empty()) runtime->packed_place = packed_place(options.packed_cache, located);
  ATELIER_TRY(runtime->bundle, bundle::open_bundle(located.path));
  if (!runtime->bundle.tokenizer) {
    return fail(Fault::kUnsupported,
                "{} holds no tokenizer; a GGUF file or a folder with tokenizer.json does",
                located.path.string());
  }
  ATELIER_TRY_STATUS(model::extend_context(runtime->bundle.config, options.max_model_len));
  ATELIER_TRY_STATUS(model::check_kv(runtime->bundle.config, options.decoder.kv));
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
  if (!pool) pool = std::make_shared<ThreadPool>(options.threads > 0 ? options.threads : available_cores());
  std::optional<ProgressBar> bar;
  const auto progress = [&bar](std::int64_t done, std::int64_t total) {
    if (!bar) bar.emplace("loading", total);
    bar->set(done);
  };
  ATELIER_TRY(weights, model::load_weights(*bundle.source, bundle.config, *pool, progress, packed_place));
  if (bar) bar->clear();
  decoder = std::make_unique<model::Decoder>(bundle.config, weights, *ops, *pool, options.decoder);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  log_info("{}: {} layers, {} MiB of weights, {} on {} threads, ready in {:.2f} s", id, bundle.config.layers,
           weights.bytes >> 20, ops->isa, pool->size(), took.count());
  if (!draft) return {};
  draft->pool = pool;  // the two never work at the same time
  return draft->load();
}

Status Runtime::open_draft(const EngineWishes& wishes) {
  if (wishes.speculation.method != config::Speculation::Method::kDraftModel) return {};
  ModelOptions of_draft = options;
  of_draft.model = wishes.speculation.model;
  of_draft.max_model_len = 0;
  of_draft.decoder.kv = model::KvKind::kAuto;
  ATELIER_TRY(draft, open_runtime(of_draft));
  if (model::check_kv(draft->bundle.config, options.decoder.kv)) {
    draft->options.decoder.kv = options.decoder.kv;
  }
  const text::Tokenizer& mine = tokenizer();
  const text::Tokenizer& other = draft->tokenizer();
  bool same = mine.size() == other.size();
  for (std::int32_t id = 0; same && id < mine.size(); ++id) same = mine.bytes(id) == other.bytes(id);
  if (same) return {};
  return fail_param(Fault::kBadRequest, "--speculative-config",
                    fmt::format("--speculative-config: {} has another vocabulary than {}; a draft model is a "
                                "smaller one of the same family",
                                draft->id, id));
}

Result<plan::Footprint> Runtime::footprint(const EngineWishes& wishes) const {
  return plan::footprint(
      *bundle.source, bundle.config,
      {.sequences = wishes.engine.max_sequences, .batch_tokens = wishes.engine.max_batch_tokens});
}

std::int64_t Runtime::kv_bytes_per_block() const {
  const std::int64_t own = model::KvStore::bytes_per_block(bundle.config, options.decoder.kv_dtype());
  return draft ? own + draft->kv_bytes_per_block() : own;
}

Result<plan::KvPlan> Runtime::plan(const EngineWishes& wishes) const {
  ATELIER_TRY(plan::Footprint footprint, this->footprint(wishes));
  if (draft) {
    ATELIER_TRY(const plan::Footprint of_draft, draft->footprint(wishes));
    footprint.weights_bytes += of_draft.weights_bytes;
    footprint.working_bytes += of_draft.working_bytes;
  }
  const std::int64_t left = free_bytes - footprint.bytes();
  return plan::plan_kv({.bytes_per_block = kv_bytes_per_block(),
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
  log_info(
      "KV pool: {} blocks of {} tokens, {} MiB at most, {} bytes a token in {}; {:.1f} requests of {} "
      "tokens at once",
      kv.blocks, kernels::kBlockTokens, kv.bytes >> 20, kv_bytes_per_block() / kernels::kBlockTokens,
      model::kv_dtype_name(decoder->kv_dtype()), kv.full_sequences, kv.max_model_len);
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
  config.max_drafts = wishes.speculation.tokens;
  engine = std::make_unique<engine::Engine>(*decoder, config, make_drafter(wishes));
  return {};
}

std::unique_ptr<engine::Drafter> Runtime::make_drafter(const EngineWishes& wishes) const {
  const config::Speculation& how = wishes.speculation;
  if (draft) {
    const std::int64_t ids = std::min<std::int64_t>(tokenizer().size(), draft->bundle.config.vocab_rows);
    return std::make_unique<engine::ModelDrafter>(*draft->decoder, kv.blocks, static_cast<std::int32_t>(ids));
  }
  if (how.method != config::Speculation::Method::kNgram) return nullptr;
  return std::make_unique<engine::NgramDrafter>(how.lookup_min, how.lookup_max);
}

}  // namespace atelier::app
