#include "formats/gguf.h"

#include <algorithm>
#include <utility>

#include "base/checked.h"
#include "base/mapped_file.h"
#include "formats/gguf_metadata.h"
#include "formats/tensor_index.h"

namespace atelier::formats {
namespace {

constexpr std::uint64_t kMaxTensors = 1u << 17;
constexpr std::uint64_t kMaxNameBytes = 255;  // ggml itself stops at 63
constexpr std::uint32_t kMaxDimensions = 4;
constexpr std::uint64_t kMinAlignment = 8;  // the specification's own
constexpr std::uint64_t kMaxAlignment = 1u << 20;
constexpr std::uint64_t kSmallestTensorInfo = 8 + 1 + 4 + 4 + 8;

// ggml's numbers for element types. Those without a DType are known by name only, for the message.
struct GgmlType {
  std::uint32_t number;
  std::string_view name;
  std::optional<DType> dtype;
};
constexpr GgmlType kGgmlTypes[] = {
    {0, "F32", DType::kF32},
    {1, "F16", DType::kF16},
    {2, "Q4_0", DType::kQ4_0},
    {3, "Q4_1", DType::kQ4_1},
    {6, "Q5_0", DType::kQ5_0},
    {7, "Q5_1", DType::kQ5_1},
    {8, "Q8_0", DType::kQ8_0},
    {9, "Q8_1", {}},
    {10, "Q2_K", DType::kQ2_K},
    {11, "Q3_K", DType::kQ3_K},
    {12, "Q4_K", DType::kQ4_K},
    {13, "Q5_K", DType::kQ5_K},
    {14, "Q6_K", DType::kQ6_K},
    {15, "Q8_K", {}},
    {16, "IQ2_XXS", {}},
    {17, "IQ2_XS", {}},
    {18, "IQ3_XXS", {}},
    {19, "IQ1_S", {}},
    {20, "IQ4_NL", DType::kIQ4_NL},
    {21, "IQ3_S", {}},
    {22, "IQ2_S", {}},
    {23, "IQ4_XS", {}},
    {24, "I8", {}},
    {25, "I16", {}},
    {26, "I32", {}},
    {27, "I64", {}},
    {28, "F64", {}},
    {29, "IQ1_M", {}},
    {30, "BF16", DType::kBF16},
    {34, "TQ1_0", {}},
    {35, "TQ2_0", {}},
    {39, "MXFP4", {}},
    {40, "NVFP4", {}},
};

struct Header {
  int version;
  std::uint64_t tensors, pairs;
};

// A tensor as its record describes it; the data section's start is known only after the last record.
struct TensorInfo {
  TensorEntry entry;     // without bytes
  std::int64_t bytes;    // it occupies
  std::uint64_t offset;  // from the data section's start
};

Result<Header> read_header(ByteReader& in) {
  ATELIER_TRY(const std::string_view magic, in.text(4, "the GGUF magic"));
  if (magic != "GGUF") return fail(Fault::kCorrupt, "not a GGUF file: it does not begin with \"GGUF\"");
  ATELIER_TRY(const std::uint32_t version, in.read<std::uint32_t>("the GGUF version"));
  if (version != 0 && (version & 0xffff) == 0) {
    return fail(Fault::kUnsupported,
                "this GGUF file is big-endian (version {}); only little-endian ones are read",
                __builtin_bswap32(version));
  }
  if (version != 2 && version != 3) {
    return fail(Fault::kUnsupported, "GGUF version {}; versions 2 and 3 are read", version);
  }
  ATELIER_TRY(const std::uint64_t tensors, in.read<std::uint64_t>("the tensor count"));
  ATELIER_TRY(const std::uint64_t pairs, in.read<std::uint64_t>("the metadata count"));
  if (tensors > kMaxTensors || tensors > in.left() / kSmallestTensorInfo) {
    return fail(Fault::kCorrupt, "the file announces {} tensors; the limit is {} and {} bytes are left",
                tensors, kMaxTensors, in.left());
  }
  return Header{static_cast<int>(version), tensors, pairs};
}

Result<DType> dtype_of(std::string_view tensor, std::uint32_t number) {
  const auto* type = std::ranges::find(kGgmlTypes, number, &GgmlType::number);
  if (type == std::end(kGgmlTypes)) {
    return fail(Fault::kUnsupported, "tensor '{}' has the unknown type {}", tensor, number);
  }
  if (!type->dtype) {
    return fail(Fault::kUnsupported,
                "tensor '{}' is of type {}, which is not supported; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, "
                "Q8_0, Q2_K to Q6_K and IQ4_NL are",
                tensor, type->name);
  }
  return *type->dtype;
}

Result<TensorInfo> read_tensor_info(ByteReader& in) {
  TensorInfo info{};
  ATELIER_TRY(const std::string_view name, read_gguf_string(in, kMaxNameBytes, "a tensor's name"));
  if (name.empty() || !is_printable(name)) {
    return fail(Fault::kCorrupt, "the tensor name before byte {} is empty or not printable", in.position());
  }
  info.entry.name = name;
  ATELIER_TRY(const std::uint32_t dimensions, in.read<std::uint32_t>(name));
  if (dimensions > kMaxDimensions) {
    return fail(Fault::kCorrupt, "tensor '{}' has {} dimensions; the limit is {}", name, dimensions,
                kMaxDimensions);
  }
  info.entry.shape.resize(dimensions);
  for (auto extent = info.entry.shape.rbegin(); extent != info.entry.shape.rend(); ++extent) {
    ATELIER_TRY(const std::uint64_t stored, in.read<std::uint64_t>(name));  // innermost comes first
    if (stored == 0 || !std::in_range<std::int64_t>(stored)) {
      return fail(Fault::kCorrupt, "tensor '{}' has an extent of {}; 1 to 2^63 - 1 can be", name, stored);
    }
    *extent = static_cast<std::int64_t>(stored);
  }
  ATELIER_TRY(const std::uint32_t type, in.read<std::uint32_t>(name));
  ATELIER_TRY(info.entry.dtype, dtype_of(name, type));
  ATELIER_TRY(info.bytes, tensor_bytes(name, info.entry.dtype, info.entry.shape));
  ATELIER_TRY(info.offset, in.read<std::uint64_t>(name));
  return info;
}

Result<std::uint64_t> alignment_of(const GgufMetadata& metadata) {
  const GgufValue* value = metadata.find("general.alignment");
  if (value == nullptr) return 32;
  const auto* alignment = std::get_if<std::uint64_t>(value);
  if (alignment == nullptr) return fail(Fault::kCorrupt, "general.alignment is not an unsigned integer");
  if (!std::has_single_bit(*alignment) || *alignment < kMinAlignment || *alignment > kMaxAlignment) {
    return fail(Fault::kCorrupt, "general.alignment is {}; powers of two from {} to {} can be", *alignment,
                kMinAlignment, kMaxAlignment);
  }
  return *alignment;
}

// Places every tensor inside the data section, which begins at `start`.
Result<TensorIndex> place_tensors(std::vector<TensorInfo> infos, std::span<const std::byte> file,
                                  std::uint64_t start, std::uint64_t alignment) {
  std::vector<TensorEntry> entries;
  entries.reserve(infos.size());
  for (TensorInfo& info : infos) {
    if (info.offset % alignment != 0) {
      return fail(Fault::kCorrupt, "tensor '{}' begins at offset {}, not a multiple of the alignment {}",
                  info.entry.name, info.offset, alignment);
    }
    const auto begin = checked_add(start, info.offset);
    const auto end = begin ? checked_add(*begin, static_cast<std::uint64_t>(info.bytes)) : std::nullopt;
    if (!end || *end > file.size()) {
      return fail(Fault::kCorrupt,
                  "tensor '{}' has {} bytes at offset {} of the data, which begins at byte {}; the "
                  "file ends at byte {}. It may be truncated: fetch it again",
                  info.entry.name, info.bytes, info.offset, start, file.size());
    }
    info.entry.bytes = file.subspan(*begin, static_cast<std::size_t>(info.bytes));
    entries.push_back(std::move(info.entry));
  }
  return TensorIndex::build(std::move(entries));
}

class ParsedGguf : public GgufFile {
 public:
  ParsedGguf(MappedFile mapped, std::size_t bytes, int version, GgufMetadata metadata, TensorIndex index)
      : mapped_(std::move(mapped)),
        file_bytes_(static_cast<std::int64_t>(bytes)),
        version_(version),
        metadata_(std::move(metadata)),
        index_(std::move(index)) {}

  std::span<const TensorEntry> tensors() const override { return index_.entries(); }
  const TensorEntry* find(std::string_view name) const override { return index_.find(name); }
  void release(const TensorEntry& entry) const override {
    if (!mapped_.bytes().empty()) mapped_.release(entry.bytes);
  }
  std::int64_t file_bytes() const override { return file_bytes_; }
  std::string stamp() const override { return mapped_.stamp(); }
  const GgufValue* metadata(std::string_view key) const override { return metadata_.find(key); }
  const std::vector<std::pair<std::string, GgufValue>>& all_metadata() const override {
    return metadata_.entries;
  }
  int version() const override { return version_; }

 private:
  MappedFile mapped_;  // empty where the bytes are someone else's
  std::int64_t file_bytes_;
  int version_;
  GgufMetadata metadata_;
  TensorIndex index_;
};

Result<std::unique_ptr<GgufFile>> read_file(std::span<const std::byte> bytes, MappedFile mapped) {
  ByteReader in(bytes);
  ATELIER_TRY(const Header header, read_header(in));
  ATELIER_TRY(GgufMetadata metadata, read_gguf_metadata(in, header.pairs));
  std::vector<TensorInfo> infos;
  infos.reserve(std::min(header.tensors, in.left() / kSmallestTensorInfo));
  for (std::uint64_t i = 0; i < header.tensors; ++i) {
    ATELIER_TRY(TensorInfo info, read_tensor_info(in));
    infos.push_back(std::move(info));
  }
  ATELIER_TRY(const std::uint64_t alignment, alignment_of(metadata));
  const std::uint64_t start = (in.position() + alignment - 1) / alignment * alignment;
  ATELIER_TRY(TensorIndex index, place_tensors(std::move(infos), bytes, start, alignment));
  if (!mapped.bytes().empty())
    mapped.release(bytes.first(in.position()));  // copied; 6 MB of pages in Qwen2.5
  return std::make_unique<ParsedGguf>(std::move(mapped), bytes.size(), header.version, std::move(metadata),
                                      std::move(index));
}

}  // namespace

Result<std::unique_ptr<GgufFile>> GgufFile::open(const std::filesystem::path& path) {
  ATELIER_TRY(MappedFile mapped, MappedFile::open(path));
  const std::span<const std::byte> bytes = mapped.bytes();
  auto file = read_file(bytes, std::move(mapped));
  if (!file) file.error().message = path.string() + ": " + file.error().message;
  return file;
}

Result<std::unique_ptr<GgufFile>> GgufFile::parse(std::span<const std::byte> bytes) {
  return read_file(bytes, MappedFile());
}

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
  const GgufValue* value = metadata(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<std::int64_t>(value)) return *number;
  const auto* number = std::get_if<std::uint64_t>(value);
  if (number == nullptr || !std::in_range<std::int64_t>(*number)) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const GgufValue* value = metadata(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* real = std::get_if<double>(value)) return *real;
  if (const auto* whole = std::get_if<std::int64_t>(value)) return static_cast<double>(*whole);
  if (const auto* whole = std::get_if<std::uint64_t>(value)) return static_cast<double>(*whole);
  return std::nullopt;
}

std::optional<bool> GgufFile::boolean(std::string_view key) const {
  const GgufValue* value = metadata(key);
  const auto* truth = value == nullptr ? nullptr : std::get_if<bool>(value);
  return truth == nullptr ? std::nullopt : std::optional(*truth);
}

std::optional<std::string> GgufFile::string(std::string_view key) const {
  const GgufValue* value = metadata(key);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? std::nullopt : std::optional(*text);
}

const std::vector<std::string>* GgufFile::strings(std::string_view key) const {
  const GgufValue* value = metadata(key);
  return value == nullptr ? nullptr : std::get_if<std::vector<std::string>>(value);
}

}  // namespace atelier::formats
