#include "formats/gguf_metadata.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "formats/tensor_index.h"

namespace atelier::formats {
namespace {

constexpr std::uint64_t kMaxPairs = 1u << 16;
constexpr std::uint64_t kMaxKeyBytes = 65535;          // the specification's own limit
constexpr std::uint64_t kMaxStringBytes = 64u << 20;   // the longest honest one is a chat template
constexpr std::uint64_t kMaxArrayElements = 1u << 22;  // all arrays together; Qwen2.5 has 455,259
constexpr std::uint64_t kSmallestPair = 8 + 1 + 4 + 1;

enum class Type : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};

constexpr std::uint64_t smallest_bytes(Type type) {
  switch (type) {
    case Type::kU8:
    case Type::kI8:
    case Type::kBool:
      return 1;
    case Type::kU16:
    case Type::kI16:
      return 2;
    case Type::kU32:
    case Type::kI32:
    case Type::kF32:
      return 4;
    case Type::kString:  // its length
    case Type::kArray:
    case Type::kU64:
    case Type::kI64:
    case Type::kF64:
      return 8;
  }
  return 1;
}

class MetadataReader {
 public:
  explicit MetadataReader(ByteReader& in) : in_(in) {}

  Result<std::pair<std::string, GgufValue>> pair() {
    ATELIER_TRY(const std::string_view key, read_gguf_string(in_, kMaxKeyBytes, "a metadata key"));
    if (key.empty() || !is_printable(key)) {
      return fail(Fault::kCorrupt, "the metadata key before byte {} is empty or not printable",
                  in_.position());
    }
    key_ = key;
    ATELIER_TRY(const Type type, value_type());
    ATELIER_TRY(GgufValue value, type == Type::kArray ? array() : scalar(type));
    return std::pair<std::string, GgufValue>(key, std::move(value));
  }

 private:
  Result<Type> value_type() {
    ATELIER_TRY(const std::uint32_t type, in_.read<std::uint32_t>(key_));
    if (type > static_cast<std::uint32_t>(Type::kF64)) {
      return fail(Fault::kCorrupt, "metadata '{}' has value type {}; known are 0 to 12", key_, type);
    }
    return static_cast<Type>(type);
  }

  Result<GgufValue> scalar(Type type) {
    switch (type) {
      case Type::kU8:
        return widen<std::uint8_t, std::uint64_t>();
      case Type::kI8:
        return widen<std::int8_t, std::int64_t>();
      case Type::kU16:
        return widen<std::uint16_t, std::uint64_t>();
      case Type::kI16:
        return widen<std::int16_t, std::int64_t>();
      case Type::kU32:
        return widen<std::uint32_t, std::uint64_t>();
      case Type::kI32:
        return widen<std::int32_t, std::int64_t>();
      case Type::kF32:
        return widen<float, double>();
      case Type::kU64:
        return widen<std::uint64_t, std::uint64_t>();
      case Type::kI64:
        return widen<std::int64_t, std::int64_t>();
      case Type::kF64:
        return widen<double, double>();
      case Type::kBool:
        return boolean();
      case Type::kString: {
        ATELIER_TRY(const std::string_view text, read_gguf_string(in_, kMaxStringBytes, key_));
        return std::string(text);
      }
      case Type::kArray:
        break;
    }
    return fail(Fault::kUnsupported, "metadata '{}' is an array of arrays, which no known model uses", key_);
  }

  Result<GgufValue> array() {
    ATELIER_TRY(const Type type, value_type());
    ATELIER_TRY(const std::uint64_t count, in_.read<std::uint64_t>(key_));
    if (type == Type::kArray) return scalar(type);
    if (count > in_.left() / smallest_bytes(type)) {
      return fail(Fault::kCorrupt, "metadata '{}' announces {} elements; only {} bytes are left", key_, count,
                  in_.left());
    }
    if (count > kMaxArrayElements - elements_) {
      return fail(Fault::kCorrupt,
                  "metadata '{}' has {} elements; with the arrays before it that is over the limit of {}",
                  key_, count, kMaxArrayElements);
    }
    elements_ += count;
    switch (type) {
      case Type::kU8:
        return numbers<std::uint8_t, std::int64_t>(count);
      case Type::kI8:
        return numbers<std::int8_t, std::int64_t>(count);
      case Type::kU16:
        return numbers<std::uint16_t, std::int64_t>(count);
      case Type::kI16:
        return numbers<std::int16_t, std::int64_t>(count);
      case Type::kU32:
        return numbers<std::uint32_t, std::int64_t>(count);
      case Type::kI32:
        return numbers<std::int32_t, std::int64_t>(count);
      case Type::kU64:
        return numbers<std::uint64_t, std::int64_t>(count);
      case Type::kI64:
        return numbers<std::int64_t, std::int64_t>(count);
      case Type::kBool:
        return numbers<std::uint8_t, std::int64_t>(count);
      case Type::kF32:
        return numbers<float, double>(count);
      case Type::kF64:
        return numbers<double, double>(count);
      default:
        return strings(count);
    }
  }

  template <class Stored, class Wide>
  Result<GgufValue> widen() {
    ATELIER_TRY(const Stored value, in_.read<Stored>(key_));
    return static_cast<Wide>(value);
  }

  Result<GgufValue> boolean() {
    ATELIER_TRY(const std::uint8_t value, in_.read<std::uint8_t>(key_));
    if (value > 1) return fail(Fault::kCorrupt, "metadata '{}' is a bool of value {}", key_, value);
    return value == 1;
  }

  template <class Stored, class Wide>
  Result<GgufValue> numbers(std::uint64_t count) {
    std::vector<Wide> values;
    values.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      ATELIER_TRY(const Stored value, in_.read<Stored>(key_));
      if constexpr (std::is_same_v<Stored, std::uint64_t>) {
        if (!std::in_range<std::int64_t>(value)) {
          return fail(Fault::kUnsupported, "metadata '{}' holds {}; array elements go up to 2^63 - 1", key_,
                      value);
        }
      }
      values.push_back(static_cast<Wide>(value));
    }
    return values;
  }

  Result<GgufValue> strings(std::uint64_t count) {
    std::vector<std::string> values;
    values.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      ATELIER_TRY(const std::string_view text, read_gguf_string(in_, kMaxStringBytes, key_));
      values.emplace_back(text);
    }
    return values;
  }

  ByteReader& in_;
  std::string_view key_;        // of the pair being read, for messages
  std::uint64_t elements_ = 0;  // of all arrays so far
};

}  // namespace

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto key_at = [&](std::uint32_t i) { return std::string_view(entries[i].first); };
  const auto found = std::ranges::lower_bound(by_key, key, {}, key_at);
  return found != by_key.end() && key_at(*found) == key ? &entries[*found].second : nullptr;
}

Result<GgufMetadata> read_gguf_metadata(ByteReader& in, std::uint64_t count) {
  if (count > kMaxPairs || count > in.left() / kSmallestPair) {
    return fail(Fault::kCorrupt,
                "the file announces {} metadata pairs; the limit is {} and {} bytes are left", count,
                kMaxPairs, in.left());
  }
  GgufMetadata metadata;
  metadata.entries.reserve(count);
  MetadataReader reader(in);
  for (std::uint64_t i = 0; i < count; ++i) {
    ATELIER_TRY(auto pair, reader.pair());
    metadata.entries.push_back(std::move(pair));
  }
  metadata.by_key.resize(count);
  std::iota(metadata.by_key.begin(), metadata.by_key.end(), 0u);
  const auto key_at = [&](std::uint32_t i) { return std::string_view(metadata.entries[i].first); };
  std::ranges::sort(metadata.by_key, {}, key_at);
  const auto twice = std::ranges::adjacent_find(metadata.by_key, {}, key_at);
  if (twice != metadata.by_key.end()) {
    return fail(Fault::kCorrupt, "metadata '{}' is in the file twice", key_at(*twice));
  }
  return metadata;
}

Result<std::string_view> read_gguf_string(ByteReader& in, std::uint64_t limit, std::string_view what) {
  ATELIER_TRY(const std::uint64_t length, in.read<std::uint64_t>(what));
  if (length > limit) {
    return fail(Fault::kCorrupt, "{} has {} bytes; the limit is {}", what, length, limit);
  }
  return in.text(length, what);
}

}  // namespace atelier::formats
