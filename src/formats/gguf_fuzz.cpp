// Any bytes as a GGUF file: parse, walk all metadata, read both ends of every tensor.
#include "formats/gguf.h"

#include <cstdlib>

#include "formats/dequantise.h"

namespace {

using namespace atelier;

std::size_t walk(const formats::GgufFile& file) {
  std::size_t sum = 0;
  for (const auto& [key, value] : file.all_metadata()) {
    if (file.metadata(key) != &value) std::abort();
    sum += value.index() + static_cast<std::size_t>(file.integer(key).value_or(0));
    sum += file.number(key).has_value() + file.boolean(key).value_or(false);
    sum += file.string(key).value_or("").size();
    if (const auto* strings = file.strings(key)) {
      for (const std::string& text : *strings) sum += text.size();
    }
  }
  for (const formats::TensorEntry& entry : file.tensors()) {
    if (file.find(entry.name) != &entry) std::abort();
    const DTypeTraits type = traits(entry.dtype);
    if (static_cast<std::int64_t>(entry.bytes.size()) !=
        entry.values() / type.block_values * type.block_bytes) {
      std::abort();
    }
    float block[256];
    const auto first = entry.bytes.first(static_cast<std::size_t>(type.block_bytes));
    formats::dequantise(entry.dtype, first,
                        std::span(block).first(static_cast<std::size_t>(type.block_values)));
    sum +=
        std::to_integer<std::size_t>(entry.bytes.front()) + std::to_integer<std::size_t>(entry.bytes.back());
    file.release(entry);
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = formats::GgufFile::parse(std::as_bytes(std::span(data, size)));
  if (!file) return file.error().message.empty() ? (std::abort(), 0) : 0;
  volatile std::size_t sink = walk(**file);
  static_cast<void>(sink);
  return 0;
}
