// A Forecast says what becomes of a model on a machine or card before anything is loaded: what it takes, how
// many users fit, what breaks first, and how fast it can be at best.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/config.h"
#include "plan/footprint.h"
#include "plan/kv_plan.h"

namespace atelier::plan {

// Where the model is to run.
struct Place {
  std::string name;              // "cpu", "a10"
  std::int64_t whole_bytes = 0;  // 0 = unknown: no limit
  std::int64_t free_bytes = 0;   // before the model is loaded
  double share = 0;              // of whole_bytes that may be taken; 0: a quarter of what is free for KV
  double bytes_per_s = 0, operations_per_s = 0;  // 0: unknown
};

struct ForecastWishes {
  std::int64_t users = 1;
  std::int64_t context = 0;  // tokens of each; 0 = what the model declares, or less where that does not fit
  double kv_element_bytes = 2;  // 2: f16; 34 / 32: int8 with its scales; 1: fp8, on cards
};

// Nobody is faster than reading and computing what cannot be avoided. Seconds; 0: the place's speed is
// unknown.
struct Floor {
  double operations = 0, bytes = 0, seconds = 0;
};

struct Forecast {
  std::int64_t weights_bytes = 0, working_bytes = 0;
  std::int64_t kv_bytes_per_token = 0;
  std::int64_t kv_room_bytes = 0;  // that the place has for keys and values
  std::int64_t users = 0, context = 0;
  std::int64_t kv_blocks = 0, kv_bytes = 0;  // that the server would take for them
  bool fits = false;                         // all users at full length at once
  std::int64_t full_users = 0;               // of that context, at once
  std::int64_t largest_context = 0;          // for that many users; at most what the model declares
  std::string breaks_first;                  // in words
  Floor prefill;                             // of `context` tokens of one user
  Floor decode_one, decode_all;              // a token of one user, and one of each of them, at full length
};

// footprint: of that place (on cards the file's own bytes, as nothing is packed for them here).
Forecast forecast(const model::ModelConfig& config, const Footprint& footprint, const Place& place,
                  const ForecastWishes& wishes);

}  // namespace atelier::plan
