// The NgramDrafter guesses that what followed the last few tokens earlier on will follow them again (prompt
// lookup decoding, Saxena 2023): it costs nothing, and holds where an answer quotes its prompt.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "engine/drafter.h"

namespace atelier::engine {

class NgramDrafter final : public Drafter {
 public:
  // The longest match of at least `shortest` and at most `longest` tokens counts; of those the latest.
  NgramDrafter(std::int64_t shortest, std::int64_t longest) : shortest_(shortest), longest_(longest) {}

  void draft(std::span<Draft> drafts) override;
  void forget(schedule::SequenceId sequence) override { indices_.erase(sequence); }

 private:
  // By a hash of n tokens and n: where their latest occurrence ends that something follows.
  struct Index {
    std::int64_t end = 0;  // tokens indexed
    std::unordered_map<std::uint64_t, std::int64_t> latest = {};
  };

  void extend(Index& index, std::span<const std::int32_t> known) const;
  std::int64_t find(const Index& index, std::span<const std::int32_t> known) const;  // -1: nowhere

  const std::int64_t shortest_, longest_;
  std::unordered_map<schedule::SequenceId, Index> indices_;
};

}  // namespace atelier::engine
