#include "formats/safetensors_header.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/system/errc.hpp>
#include <optional>

#include "formats/tensor_index.h"

namespace atelier::formats {
namespace {

constexpr std::size_t kMaxTensors = 1u << 16;
constexpr std::size_t kMaxNameBytes = 1024;
constexpr std::size_t kMaxDimensions = 16;
constexpr std::size_t kMaxDepth = 4;

using Error = boost::system::error_code;
using boost::json::string_view;

// Boost's parser calls one function per event; false (with an error code) stops it.
class HeaderEvents {
 public:
  static constexpr std::size_t max_object_size = kMaxTensors + 1;
  static constexpr std::size_t max_array_size = kMaxDimensions;
  static constexpr std::size_t max_key_size = kMaxNameBytes;
  static constexpr std::size_t max_string_size = std::size_t{1} << 24;

  std::vector<SafetensorsRecord> records;
  std::optional<Failure> failure;

  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }

  bool on_object_begin(Error& error) {
    switch (place_) {
      case Place::kOutside:
        place_ = Place::kTop;
        return true;
      case Place::kTop:
        return begin_entry(error);
      default:
        return refuse(error, "has an object where none belongs");
    }
  }

  bool on_object_end(std::size_t, Error& error) {
    if (place_ == Place::kTop) {
      place_ = Place::kOutside;
      return true;
    }
    const bool complete = place_ == Place::kMetadata || (has_dtype_ && has_shape_ && has_offsets_);
    if (!complete) return refuse(error, "lacks one of dtype, shape and data_offsets");
    place_ = Place::kTop;
    return true;
  }

  bool on_array_begin(Error& error) {
    if (place_ != Place::kTensor) return refuse(error, "has a list where none belongs");
    if (key_ == "shape" && !std::exchange(has_shape_, true)) {
      place_ = Place::kShape;
    } else if (key_ == "data_offsets" && !std::exchange(has_offsets_, true)) {
      place_ = Place::kOffsets;
    } else {
      return refuse(error, "has a list '" + key_ + "' that is unknown or comes twice");
    }
    return true;
  }

  bool on_array_end(std::size_t count, Error& error) {
    if (place_ == Place::kOffsets && count != 2) return refuse(error, "needs two data_offsets");
    place_ = Place::kTensor;
    return true;
  }

  bool on_key_part(string_view part, std::size_t, Error&) {
    pending_.append(part.data(), part.size());
    return true;
  }
  bool on_key(string_view part, std::size_t, Error&) {
    pending_.append(part.data(), part.size());
    key_ = std::exchange(pending_, {});
    return true;
  }

  bool on_string_part(string_view part, std::size_t, Error&) {
    pending_.append(part.data(), part.size());
    return true;
  }
  bool on_string(string_view part, std::size_t, Error& error) {
    pending_.append(part.data(), part.size());
    std::string text = std::exchange(pending_, {});
    if (place_ == Place::kMetadata) return true;
    if (place_ != Place::kTensor || key_ != "dtype" || std::exchange(has_dtype_, true)) {
      return refuse(error, "has text where none belongs");
    }
    if (text.size() > 32 || !is_printable(text)) return refuse(error, "has a dtype that is no name");
    records.back().dtype = std::move(text);
    return true;
  }

  bool on_number_part(string_view, Error&) { return true; }
  bool on_int64(std::int64_t value, string_view, Error& error) {
    if (value < 0) return refuse(error, fmt::format("holds the negative number {}", value));
    if (place_ == Place::kShape) {
      records.back().shape.push_back(value);
    } else if (place_ == Place::kOffsets && offsets_read_ < 2) {
      records.back().offsets[offsets_read_++] = value;
    } else {
      return refuse(error, "has a number where none belongs");
    }
    return true;
  }
  bool on_uint64(std::uint64_t value, string_view, Error& error) {
    return refuse(error, fmt::format("holds {}; numbers go up to 2^63 - 1", value));
  }
  bool on_double(double value, string_view, Error& error) {
    return refuse(error, fmt::format("holds {}, which is no integer", value));
  }
  bool on_bool(bool, Error& error) { return refuse(error, "has a truth value where none belongs"); }
  bool on_null(Error& error) { return refuse(error, "has a null where none belongs"); }
  bool on_comment_part(string_view, Error&) { return true; }
  bool on_comment(string_view, Error&) { return true; }

 private:
  enum class Place { kOutside, kTop, kMetadata, kTensor, kShape, kOffsets };

  bool begin_entry(Error& error) {
    if (key_ == "__metadata__") {
      if (std::exchange(has_metadata_, true)) return refuse(error, "comes twice");
      place_ = Place::kMetadata;
      return true;
    }
    if (key_.empty() || !is_printable(key_)) return refuse(error, "is no printable name");
    if (records.size() == kMaxTensors)
      return refuse(error, fmt::format("is over the limit of {}", kMaxTensors));
    records.push_back({.name = key_, .dtype = {}, .shape = {}, .offsets = {}});
    has_dtype_ = has_shape_ = has_offsets_ = false;
    offsets_read_ = 0;
    place_ = Place::kTensor;
    return true;
  }

  bool refuse(Error& error, std::string_view why) {
    const bool in_tensor = place_ != Place::kTop && place_ != Place::kOutside && !records.empty();
    const std::string_view where = in_tensor ? std::string_view(records.back().name) : key_;
    failure =
        Failure{Fault::kCorrupt,
                fmt::format("safetensors header: entry '{}' {}", is_printable(where) ? where : "?", why),
                {}};
    error = boost::system::errc::make_error_code(boost::system::errc::invalid_argument);
    return false;
  }

  Place place_ = Place::kOutside;
  std::string key_, pending_;
  bool has_metadata_ = false, has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  std::size_t offsets_read_ = 0;
};

}  // namespace

Result<std::vector<SafetensorsRecord>> read_safetensors_header(std::string_view json) {
  if (json.empty() || json.front() != '{')
    return fail(Fault::kCorrupt, "the safetensors header is no JSON object");
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::basic_parser<HeaderEvents> parser(options);
  Error error;
  const std::size_t read = parser.write_some(false, json.data(), json.size(), error);
  if (parser.handler().failure) return std::unexpected(std::move(*parser.handler().failure));
  if (error) {
    return fail(Fault::kCorrupt, "the safetensors header is invalid JSON near byte {}: {}", read,
                error.message());
  }
  if (json.find_first_not_of(" \t\r\n", read) != std::string_view::npos) {
    return fail(Fault::kCorrupt, "the safetensors header has more after its object's end at byte {}", read);
  }
  return std::move(parser.handler().records);
}

}  // namespace atelier::formats
