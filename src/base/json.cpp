#include "base/json.h"

#include <boost/json/stream_parser.hpp>

namespace atelier {

Result<boost::json::value> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.max_bytes) {
    return fail(Fault::kBadRequest, "JSON text has {} bytes; the limit is {}", text.size(), limits.max_bytes);
  }
  boost::json::parse_options options;
  options.max_depth = limits.max_depth;
  boost::json::stream_parser parser({}, options);
  boost::system::error_code error;
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read < text.size()) {
    const std::size_t rest = text.find_first_not_of(" \t\r\n", read);
    if (rest != std::string_view::npos) error = boost::json::error::extra_data;
  }
  if (!error) parser.finish(error);
  if (error == boost::json::error::too_deep) {
    return fail(Fault::kBadRequest, "JSON text is nested deeper than the limit of {} near byte {}",
                limits.max_depth, read);
  }
  if (error) return fail(Fault::kBadRequest, "invalid JSON near byte {}: {}", read, error.message());
  return parser.release();
}

}  // namespace atelier
