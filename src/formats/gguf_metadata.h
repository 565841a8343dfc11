// The key/value part of a GGUF file, read into typed values under limits: a hostile file can cost a bounded
// amount of memory and time.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/byte_reader.h"
#include "formats/gguf.h"

namespace atelier::formats {

struct GgufMetadata {
  std::vector<std::pair<std::string, GgufValue>> entries;  // in file order
  std::vector<std::uint32_t> by_key;                       // positions in entries, sorted by key

  const GgufValue* find(std::string_view key) const;  // nullptr: absent
};

// Reads `count` pairs from where `in` stands. kCorrupt: truncated, over a limit, or a key twice.
Result<GgufMetadata> read_gguf_metadata(ByteReader& in, std::uint64_t count);

// A length-prefixed string of at most `limit` bytes, not copied.
Result<std::string_view> read_gguf_string(ByteReader& in, std::uint64_t limit, std::string_view what);

}  // namespace atelier::formats
