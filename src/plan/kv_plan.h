// How much memory the KV pool may take, and how long a sequence may become with it.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace atelier::plan {

// What a machine or a card has for keys and values, and who said so. At most one of share, kv_bytes and
// kv_blocks is set; none: a quarter of what is free, more only for one sequence of an asked-for length.
struct KvBudget {
  std::int64_t free_bytes = 0;   // beside the weights and the working memory; 0 = unknown: no limit
  std::int64_t whole_bytes = 0;  // of the machine or card
  std::int64_t other_bytes = 0;  // weights and working memory
  double share = 0;              // of whole_bytes, for everything together
  std::int64_t kv_bytes = 0;     // exactly
  std::int64_t kv_blocks = 0;    // exactly
};

struct KvWishes {
  std::int64_t bytes_per_block = 0;   // all layers, keys and values
  std::int64_t declared_context = 0;  // the model's own limit, tokens
  std::int64_t max_model_len = 0;     // asked for; 0 = as much of the declared context as fits
  std::int64_t max_sequences = 1;     // running at once
  KvBudget budget = {};
};

// The budget in blocks.
struct KvRoom {
  std::int64_t ordinary = 0;  // for everybody together
  std::int64_t most = 0;      // for one sequence of a length that was asked for
  bool exact = false;         // ordinary is what is taken, wanted or not
};
KvRoom kv_room(const KvWishes& wishes);

struct KvPlan {
  std::int64_t blocks = 0;
  std::int64_t bytes = 0;
  std::int64_t max_model_len = 0;
  double full_sequences = 0;  // how many sequences of max_model_len tokens fit at once
  bool reduced = false;       // the declared context did not fit
};

std::int64_t blocks_for(std::int64_t tokens);

// At least one whole sequence. kBadRequest names the flag that asks for what cannot be, and the nearest that
// can.
Result<KvPlan> plan_kv(const KvWishes& wishes);

}  // namespace atelier::plan
