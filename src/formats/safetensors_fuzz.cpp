// Any bytes as a .safetensors file: parse, read both ends of every tensor.
#include "formats/safetensors.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atelier;
  const auto entries = formats::parse_safetensors(std::as_bytes(std::span(data, size)));
  if (!entries) return entries.error().message.empty() ? (std::abort(), 0) : 0;
  std::size_t total = 0, sum = 0;
  for (const formats::TensorEntry& entry : *entries) {
    total += entry.bytes.size();
    const std::int64_t expected = entry.values() * traits(entry.dtype).block_bytes;
    if (static_cast<std::int64_t>(entry.bytes.size()) != expected) std::abort();
    if (!entry.bytes.empty()) {
      sum += std::to_integer<std::size_t>(entry.bytes.front()) +
             std::to_integer<std::size_t>(entry.bytes.back());
    }
  }
  if (total > size) std::abort();  // overlapping
  volatile std::size_t sink = sum;
  static_cast<void>(sink);
  return 0;
}
