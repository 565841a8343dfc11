// A Workload is what a load run asks: each request's body, written before the clock starts.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "load/server_tokenizer.h"

namespace atelier::load {

struct LoadRequest {
  std::string body;               // JSON
  std::int64_t input_tokens = 0;  // as far as known here
  std::int64_t output_tokens = 0;
};

// What every request says, whatever its prompt.
struct RequestShape {
  std::string model;
  bool chat = false;          // messages, else a prompt
  bool ignore_eos = false;    // answers of exactly output_tokens
  boost::json::object extra;  // further fields; they win
};

// Prompts that share no beginning, of lengths spread evenly over [len · (1 - ratio), len · (1 + ratio)].
struct RandomLengths {
  std::int64_t input_tokens = 1024, output_tokens = 128;
  double range_ratio = 0;  // [0, 1)
};

// A chat's length includes what the template adds. Without a tokenizer lengths are words, a guess.
Result<std::vector<LoadRequest>> random_workload(const RequestShape& shape, const RandomLengths& lengths,
                                                 std::int64_t count, std::uint64_t seed,
                                                 std::optional<ServerTokenizer>& tokenizer);

// Prompts from a file: ShareGPT's JSON (the first two turns of each conversation: the prompt, and how long
// its answer is), or JSON lines with "prompt" (and "output_tokens"). `output_tokens` > 0 replaces the file's.
// Shuffled by the seed; a file with fewer prompts than `count` begins again. kCorrupt: neither form.
Result<std::vector<LoadRequest>> file_workload(const RequestShape& shape, const std::string& path,
                                               std::int64_t output_tokens, std::int64_t count,
                                               std::uint64_t seed, std::optional<ServerTokenizer>& tokenizer);

}  // namespace atelier::load
