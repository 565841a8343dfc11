#include "formats/safetensors.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "formats/byte_reader.h"
#include "formats/safetensors_header.h"
#include "formats/tensor_index.h"

namespace atelier::formats {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 32u << 20;  // 65,536 tensors at 500 bytes each

Result<DType> dtype_of(const SafetensorsRecord& record) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    if (record.dtype == traits(type).name) return type;
  }
  return fail(
      Fault::kUnsupported,
      "tensor '{}' is of type {}; F32, F16 and BF16 are supported. Quantised safetensors (GPTQ, AWQ, FP8) "
      "are not supported yet: use the model's GGUF file or its unquantised weights",
      record.name, record.dtype);
}

// The tensor over its part of `data`, which begins at byte `start` of the file.
Result<TensorEntry> place(SafetensorsRecord record, std::span<const std::byte> data, std::size_t start) {
  ATELIER_TRY(const DType dtype, dtype_of(record));
  ATELIER_TRY(const std::int64_t bytes, tensor_bytes(record.name, dtype, record.shape));
  const auto [begin, end] = record.offsets;
  if (begin > end || std::cmp_greater(end, data.size())) {
    return fail(
        Fault::kCorrupt,
        "tensor '{}' lies at [{}, {}) of the data; the file has {} bytes of it. It may be truncated: fetch "
        "it again",
        record.name, begin, end, data.size());
  }
  if (end - begin != bytes) {
    return fail(Fault::kCorrupt, "tensor '{}' needs {} bytes by its shape, but [{}, {}) are {}", record.name,
                bytes, begin, end, end - begin);
  }
  const auto offset = static_cast<std::size_t>(begin);
  if ((start + offset) % static_cast<std::size_t>(traits(dtype).block_bytes) != 0) {
    return fail(Fault::kUnsupported,
                "tensor '{}' begins at byte {} of the file, not a multiple of its values' {} bytes",
                record.name, start + offset, traits(dtype).block_bytes);
  }
  return TensorEntry{std::move(record.name), dtype, std::move(record.shape),
                     data.subspan(offset, static_cast<std::size_t>(bytes))};
}

// The format demands that the tensors fill the data exactly: no byte twice, none left over.
Status check_filled(std::vector<SafetensorsRecord> records, std::size_t data_bytes) {
  std::ranges::sort(records, {}, &SafetensorsRecord::offsets);
  std::int64_t filled = 0;
  for (const SafetensorsRecord& record : records) {
    if (record.offsets[0] != filled) {
      return fail(Fault::kCorrupt,
                  "tensor '{}' begins at byte {} of the data, but the one before it ends at {}", record.name,
                  record.offsets[0], filled);
    }
    filled = record.offsets[1];
  }
  if (std::cmp_not_equal(filled, data_bytes)) {
    return fail(Fault::kCorrupt, "the tensors end at byte {} of the data; the file has {}", filled,
                data_bytes);
  }
  return {};
}

}  // namespace

Result<std::vector<TensorEntry>> parse_safetensors(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  ATELIER_TRY(const std::uint64_t header_bytes, in.read<std::uint64_t>("the safetensors header's length"));
  if (header_bytes > kMaxHeaderBytes) {
    return fail(Fault::kCorrupt, "the safetensors header announces {} bytes; the limit is {}", header_bytes,
                kMaxHeaderBytes);
  }
  ATELIER_TRY(const std::string_view json, in.text(header_bytes, "the safetensors header"));
  ATELIER_TRY(std::vector<SafetensorsRecord> records, read_safetensors_header(json));
  const std::span<const std::byte> data = bytes.subspan(in.position());
  std::vector<TensorEntry> entries;
  entries.reserve(records.size());
  for (const SafetensorsRecord& record : records) {
    ATELIER_TRY(TensorEntry entry, place(record, data, in.position()));
    entries.push_back(std::move(entry));
  }
  ATELIER_TRY_STATUS(check_filled(std::move(records), data.size()));
  ATELIER_TRY(TensorIndex index, TensorIndex::build(std::move(entries)));
  return std::move(index).take();
}

}  // namespace atelier::formats
