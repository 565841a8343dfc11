// A Sequence as the scheduler sees it: lengths, a place in line, blocks and their keys.
#pragma once

#include <compare>
#include <cstdint>
#include <span>

#include "cache/block_table.h"
#include "cache/prefix_keys.h"

namespace atelier::schedule {

enum class SequenceId : std::uint64_t {};  // ascending in order of arrival

struct SequenceSpec {
  SequenceId id;
  std::int64_t prompt_tokens = 0;  // >= 1
  std::int64_t max_tokens = 0;     // of output, >= 1
  std::uint64_t tenant = 0;        // opaque; for fair share
  double weight = 1.0;
  std::int32_t priority = 0;  // lower is served earlier, where the scheduler goes by it
  bool reads_cache = true;    // false: every token is to be computed, whatever is known of it
};

struct Sequence {
  SequenceSpec spec;
  cache::PrefixKeys keys;
  cache::BlockTable table;
  std::int64_t length = 0;       // tokens known
  std::int64_t stored = 0;       // of them in the KV store
  std::int64_t cached = 0;       // of the prompt, found there instead of computed
  std::int64_t drafted = 0;      // tokens guessed behind the known ones, to be computed in the next step
  std::int64_t preemptions = 0;  // times its blocks were taken from it

  std::int64_t missing() const { return length - stored; }
  // One token a step; until then its known tokens enter as the step has room.
  bool generating() const { return missing() == 1 && stored > 0; }
};

}  // namespace atelier::schedule
