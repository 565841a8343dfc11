// How much memory the KV pool may take, and how long a sequence may become with it.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace atelier::app {

// Bytes that this process can still take without swapping: MemAvailable, or what its control group leaves,
// whichever is less. 0 where neither can be read.
std::int64_t available_memory();

struct KvWishes {
  std::int64_t bytes_per_block = 0;   // all layers, keys and values
  std::int64_t declared_context = 0;  // the model's own limit, tokens
  std::int64_t max_model_len = 0;     // asked for; 0 = as much of the declared context as fits
  std::int64_t max_sequences = 1;     // running at once
  std::int64_t available_bytes = 0;   // 0 = unknown: no limit
};

struct KvPlan {
  std::int64_t blocks = 0;
  std::int64_t max_model_len = 0;
  double full_sequences = 0;  // how many sequences of max_model_len tokens fit at once
  bool reduced = false;       // the declared context did not fit
};

// At most a quarter of the available memory, unless one sequence of an asked-for length needs more; at least
// one whole sequence. kBadRequest names "--max-model-len" where the length asked for cannot be.
Result<KvPlan> plan_kv(const KvWishes& wishes);

}  // namespace atelier::app
