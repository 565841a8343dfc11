// The one door through which JSON text becomes values: size and depth are bounded, errors say where.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace atelier {

struct JsonLimits {
  std::size_t max_bytes = 64u << 20;
  std::size_t max_depth = 64;
};

Result<boost::json::value> parse_json(std::string_view text, JsonLimits limits = {});

}  // namespace atelier
