// A Runtime is a model made ready to run: its files opened, its weights packed, its decoder standing on a
// pool of threads; with start_engine also the engine on top. It ends in the reverse order of its making.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/kv_budget.h"
#include "app/model_options.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "bundle/model_bundle.h"
#include "engine/engine.h"
#include "model/decoder.h"

namespace atelier::app {

class Runtime {
 public:
  // The KV pool for `max_sequences` at once, within the memory's budget (plan_kv).
  Result<KvPlan> plan(std::int64_t max_sequences) const;

  // Starts the engine thread; call once. The decoder and the pool belong to it from then on.
  Status start_engine(std::int64_t max_sequences);

  std::string id;  // what the API calls the model
  std::unique_ptr<ThreadPool> pool;
  bundle::ModelBundle bundle;  // with a tokenizer, always
  model::Weights weights;
  const kernels::Ops* ops = nullptr;
  std::unique_ptr<model::Decoder> decoder;
  KvPlan kv;                               // as planned by start_engine
  std::unique_ptr<engine::Engine> engine;  // null until start_engine

  const text::Tokenizer& tokenizer() const { return *bundle.tokenizer; }
  std::int64_t max_model_len_asked = 0;
};

// Locates (and where it is missing, fetches) the model, opens and loads it; one progress line on stderr.
Result<std::unique_ptr<Runtime>> start_runtime(const ModelOptions& options);

}  // namespace atelier::app
