// A Runtime is a model made ready to run: its files opened, its weights packed, its decoder standing on a
// pool of threads; with start_engine also the engine on top. It ends in the reverse order of its making.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/model_options.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "bundle/model_bundle.h"
#include "config/speculation.h"
#include "engine/engine.h"
#include "model/decoder.h"
#include "plan/footprint.h"
#include "plan/kv_plan.h"

namespace atelier::app {

// What the engine is to be like. Of `engine` the model's own members (max_model_len, kv_blocks, vocabulary)
// are filled in by start_engine.
struct EngineWishes {
  engine::EngineConfig engine = {.max_sequences = 1};
  double memory_share = 0;  // as plan::KvBudget
  std::int64_t kv_bytes = 0, kv_blocks = 0;
  config::Speculation speculation = {};
};

class Runtime {
 public:
  // The KV pool for these wishes, from the files' headers and the memory that is free before loading; what
  // cannot fit is told here, not after minutes.
  Result<plan::KvPlan> plan(const EngineWishes& wishes) const;

  // Opens the draft model that the wishes name, if they do. kBadRequest: its vocabulary is another.
  Status open_draft(const EngineWishes& wishes);

  // Packs the weights, the draft model's too; one progress line on stderr. Once.
  Status load();

  // Starts the engine thread; call once, after load. The decoder and the pool belong to it from then on.
  Status start_engine(const EngineWishes& wishes);

  ModelOptions options;
  std::string id;                      // what the API calls the model
  std::filesystem::path packed_place;  // the file that keeps its packed weights; "" = none
  std::shared_ptr<ThreadPool> pool;
  bundle::ModelBundle bundle;  // with a tokenizer, always
  model::Weights weights;
  const kernels::Ops* ops = nullptr;
  std::unique_ptr<model::Decoder> decoder;
  std::unique_ptr<Runtime> draft;          // the model that guesses for this one; null = none
  plan::KvPlan kv;                         // as planned by start_engine
  std::unique_ptr<engine::Engine> engine;  // null until start_engine
  std::int64_t free_bytes = 0;             // before loading; 0 = unknown

  const text::Tokenizer& tokenizer() const { return *bundle.tokenizer; }

 private:
  Result<plan::Footprint> footprint(const EngineWishes& wishes) const;
  std::int64_t kv_bytes_per_block() const;  // the draft model's too
  std::unique_ptr<engine::Drafter> make_drafter(const EngineWishes& wishes) const;
};

// Locates (and where it is missing, fetches) the model and opens its files.
Result<std::unique_ptr<Runtime>> open_runtime(const ModelOptions& options);

// The same, and loads it.
Result<std::unique_ptr<Runtime>> start_runtime(const ModelOptions& options);

}  // namespace atelier::app
